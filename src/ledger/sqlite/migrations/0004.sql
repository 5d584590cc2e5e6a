-- Which stories are on hold is asked by operators, and is not to cost a look at every story.
CREATE INDEX story_on_hold ON story (id) WHERE on_hold IS NOT NULL;
