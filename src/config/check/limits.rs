//! Rules about where and for what stories may be used, and about where and how a partner publishes.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::Checks;
use crate::config::place::KeyPath;
use crate::config::{Limits, Partner};

impl Checks<'_, '_> {
    pub(super) fn limits(&mut self, path: &KeyPath, limits: &Limits) {
        let path = path.key("limits");
        self.one_of_two(&path, ("only_in", &limits.only_in), ("not_in", &limits.not_in));
        self.one_of_two(&path, ("only_for", &limits.only_for), ("not_for", &limits.not_for));
    }

    /// What is in both lists is excluded, which one of them says in vain.
    fn one_of_two<T: Display + Ord>(
        &mut self,
        path: &KeyPath,
        (only, allowed): (&str, &BTreeSet<T>),
        (not, excluded): (&str, &BTreeSet<T>),
    ) {
        for both in allowed.intersection(excluded) {
            let both = both.to_string();
            let item = self.item(&path.key(not), &both);
            self.error(&item, format!("{both:?} stands in {only} too; take it out of one of the two"));
        }
    }

    /// A partner has to say where it publishes, and how, when one of the wires that it may have asks. To send it what
    /// it may not have would break the wire's terms, and to keep from it what it may have would be found out by nobody.
    pub(super) fn says_where_and_how(&mut self, path: &KeyPath, partner: &Partner) {
        let entitlement = &partner.entitlement;
        let path = path.key("entitlement");
        let asks = |matters: fn(&Limits) -> bool| self.who_asks(partner, matters);
        let missing = [
            ("countries", entitlement.countries.is_empty(), asks(Limits::by_country), "where", "\"US\""),
            ("uses", entitlement.uses.is_empty(), asks(Limits::by_use), "how", "\"online\""),
        ];
        for (key, untold, who, what, example) in missing {
            let path = path.key(key);
            if let Some(who) = who.filter(|_| untold)
                && !self.report.is_broken(&path)
            {
                let message = format!(
                    "{who} says {what} stories may be used, and the partner does not say {what} it publishes; add to \
                     [entitlement], for example, {key} = [{example}]"
                );
                self.error(&path, message);
            }
        }
    }

    /// The first section with limits that matter for the stories of a wire that the partner may have.
    fn who_asks(&self, partner: &Partner, matters: fn(&Limits) -> bool) -> Option<String> {
        let entitled = &partner.entitlement.wires;
        let mut wires = self.config.wires.iter().filter(|(id, _)| entitled.is_empty() || entitled.contains(*id));
        wires.find_map(|(id, wire)| {
            let own = matters(&wire.limits).then(|| format!("wires.{id}.limits"));
            let of_others = || {
                let limited = |id: &&_| self.config.policies.get(*id).is_some_and(|policy| matters(&policy.limits));
                wire.policies.iter().find(limited).map(|id| format!("policies.{id}.limits"))
            };
            own.or_else(of_others)
        })
    }
}
