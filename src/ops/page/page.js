// The status page. Whatever comes from articles and partners becomes text, never markup.

/** An element. `what` are attributes, and listeners by names that begin with "on". */
const el = (tag, what = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(what)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...inside.flat().filter((part) => part != null && part !== false));
  return made;
};
const byId = (id) => document.getElementById(id);
const main = byId("main");

// --- What is asked of the daemon ---------------------------------------------------------------------------------------

const token = {
  get: () => sessionStorage.getItem("token"),
  set: (value) => (value ? sessionStorage.setItem("token", value) : sessionStorage.removeItem("token")),
};

const headers = () => (token.get() ? { authorization: `Bearer ${token.get()}` } : {});

/** Asks, with a token where there is one. A 401 asks the person for one, once. */
const ask = async (path, options = {}) => {
  for (;;) {
    const answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers } });
    if (answer.status === 401 && (await askForToken(token.get() ? "That token is not known here." : null))) continue;
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      throw new Error(told.detail || `the daemon answers ${answer.status}`);
    }
    return answer;
  }
};
const read = async (path, signal) => (await ask(path, { signal })).json();
const order = async (body) => (await ask("v1/orders", { method: "POST", body: JSON.stringify(body) })).json();

// --- Words and numbers -------------------------------------------------------------------------------------------------

const number = new Intl.NumberFormat();
const count = (amount, orMore) => number.format(amount) + (orMore ? " or more" : "");
const rate = (perMinute) => `${number.format(perMinute < 10 ? Math.round(perMinute * 10) / 10 : Math.round(perMinute))}/min`;
const span = (seconds) => {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = parts.find(([size]) => seconds >= size) || [1, "s"];
  return `${Math.max(0, Math.floor(seconds / size))} ${unit}`;
};
const since = (time) => span((Date.now() - new Date(time)) / 1000);
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
/** How long ago, or in how long, with the exact time behind it. */
const when = (time) => {
  if (!time) return "";
  const seconds = (new Date(time) - Date.now()) / 1000;
  return el("time", { datetime: time, title: exact.format(new Date(time)) }, seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`);
};
const soon = (time) => (new Date(time) > Date.now() ? when(time) : "now");
const state = (word) => el("span", { class: `state ${word}` }, word);

/** A small graph of the last hour. */
const hour = (arrived, failed) => {
  if (!arrived.length) return "";
  const most = Math.max(1, ...arrived.map((good, at) => good + failed[at]));
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "hour");
  svg.setAttribute("viewBox", `0 0 ${arrived.length * 6} 24`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `last hour: ${sum(arrived)} arrived, ${sum(failed)} attempts failed`);
  const bar = (kind, at, from, height) => {
    if (!height) return;
    const rect = document.createElementNS(space, "rect");
    rect.setAttribute("class", kind);
    rect.setAttribute("x", at * 6);
    rect.setAttribute("width", 5);
    rect.setAttribute("y", 24 - from - height);
    rect.setAttribute("height", height);
    svg.append(rect);
  };
  arrived.forEach((good, at) => {
    const [low, high] = [(good / most) * 24, (failed[at] / most) * 24];
    bar("good", at, 0, low);
    bar("failed", at, low, high);
  });
  return svg;
};

/** A table. Each column is a heading, or a heading and how it is sorted. */
const table = (caption, columns, rows, nothing) => {
  if (!rows.length) return el("p", {}, nothing);
  const head = columns.map((column) => (column instanceof Element ? column : el("th", { scope: "col" }, column)));
  const labels = head.map((th) => th.textContent);
  head.forEach((th, at) => th.classList.toggle("number", rows[0].children[at].classList.contains("number")));
  for (const row of rows) {
    [...row.children].forEach((cell, at) => cell.setAttribute("data-label", labels[at]));
  }
  return el("div", { class: "scroll" },
    el("table", { class: "rows" }, el("caption", {}, caption), el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows)));
};
const cell = (...inside) => el("td", {}, ...inside);
const amount = (...inside) => el("td", { class: "number" }, ...inside);

// --- Dialogs -----------------------------------------------------------------------------------------------------------

const dialog = byId("ask");

/** Shows a form, and resolves to its fields, or to nothing where it was left. `act` may refuse with an error. */
const form = (title, inside, yes, act, grave) =>
  new Promise((resolve) => {
    const error = el("p", { class: "error", role: "alert" });
    const go = el("button", { type: "submit", class: grave ? "grave" : "" }, yes);
    const fields = el("form", { method: "dialog" },
      el("h2", { id: "ask-title" }, title), inside, error,
      el("div", { class: "actions" }, go, el("button", { type: "button", onclick: () => dialog.close() }, "Leave it")));
    let done = null;
    fields.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      try {
        const given = Object.fromEntries(new FormData(fields));
        done = { given, came: await act(given) };
        dialog.close();
      } catch (why) {
        error.textContent = why.message;
        go.disabled = false;
      }
    });
    dialog.addEventListener("close", () => resolve(done), { once: true });
    dialog.replaceChildren(fields);
    if (!dialog.open) dialog.showModal();
  });

const text = (name, label, more = {}) => el("label", {}, label, el("input", { name, autocomplete: "off", ...more }));
const box = (name, label) => el("label", {}, el("input", { type: "checkbox", name }), " ", label);

let asking = null;
const askForToken = (why) => {
  // Of two questions at once, one is answered for both. A dialog that is open already goes on afterwards.
  asking ??= (async () => {
    const before = dialog.open ? [...dialog.childNodes] : null;
    if (before) return fallback(why);
    const given = await form("Who are you?",
      [why && el("p", { class: "error" }, why), el("p", {}, "What you ask for needs one of admin.tokens. It is kept until this tab is closed."),
        text("token", "Token", { type: "password", required: true, autofocus: true })],
      "Go on", async ({ token: shown }) => token.set(shown.trim()));
    return Boolean(given);
  })().finally(() => (asking = null));
  return asking;
};
/** Asks within the dialog that is open, above its buttons. */
const fallback = (why) =>
  new Promise((resolve) => {
    const field = text("token", why || "Your token (one of admin.tokens)", { type: "password", required: true });
    const go = el("button", { type: "button" }, "Go on");
    const holder = el("div", {}, field, go);
    const done = (good) => { holder.remove(); resolve(good); };
    const take = () => {
      const shown = field.querySelector("input").value.trim();
      if (shown) { token.set(shown); done(true); }
    };
    go.addEventListener("click", take);
    field.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); take(); } });
    dialog.addEventListener("close", () => done(false), { once: true });
    dialog.querySelector(".actions").before(holder);
    field.querySelector("input").focus();
  });

/** A button that asks once, orders, and says what came of it. */
const action = (label, title, explained, body, { fields = [], grave = false } = {}) =>
  el("button", {
    type: "button",
    class: grave ? "grave" : "",
    onclick: async () => {
      const inside = [el("p", {}, explained), ...fields, text("reason", "Why (it stands beside whatever waits because of it)")];
      const done = await form(title, inside, label, ({ reason, ...more }) => order({ ...body(more), reason: reason || undefined }), grave);
      if (done) { say(`order ${done.came.id}: ${done.came.result || done.came.state}`); show(); }
    },
  }, label);

const say = (words) => {
  byId("news").classList.remove("hidden");
  byId("news").textContent = words;
};

// --- The wire at a glance ----------------------------------------------------------------------------------------------

let view = { q: "", sort: "trouble", page: 0 };
let board = null;
let listening = null;

/** Follows the board, and comes back after every end of it. */
const listen = async () => {
  listening?.abort();
  const mine = (listening = new AbortController());
  const link = byId("link");
  for (let pause = 500; !mine.signal.aborted; pause = Math.min(pause * 2, 15000)) {
    try {
      const answer = await ask(`v1/live?${new URLSearchParams(view)}`, { signal: mine.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let left = ""; ;) {
        const { value, done } = await reader.read();
        if (done) break;
        const events = (left + value).split("\n\n");
        left = events.pop();
        for (const event of events) {
          const lines = event.split("\n");
          const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
          const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
          if (!data) continue;
          pause = 500;
          if (name === "board") {
            board = JSON.parse(data);
            link.textContent = "live";
            link.classList.remove("lost");
            drawFlow();
            if (route().page === "partners") drawPartners();
          } else {
            link.textContent = JSON.parse(data).detail;
            link.classList.add("lost");
          }
        }
      }
    } catch (why) {
      if (mine.signal.aborted) return;
      link.textContent = why.message;
    }
    if (mine.signal.aborted) return;
    link.classList.add("lost");
    link.textContent = `no answer; asked again in ${span(pause / 1000 + 0.5)}`;
    await new Promise((wake) => setTimeout(wake, pause));
  }
};

let spoken = "";
const drawFlow = () => {
  const flow = board.flow;
  const one = (name, kind, value, small) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, value, small && el("small", {}, small)));
  const old = flow.oldest && (Date.now() - new Date(flow.oldest)) / 1000;
  byId("flow").replaceChildren(
    ...(flow.ledger_fails ? [el("p", { class: "alarm", role: "alert" }, `Nothing is taken or sent: ${flow.ledger_fails}`)] : []),
    ...(flow.config?.refused ? [el("p", { class: "alarm", role: "alert" }, "The configuration's files are wrong, and the last good one stays in force:", el("br"), ...flow.config.refused.split("\n").flatMap((line) => [line, el("br")]))] : []),
    ...(flow.config?.at_next_start.length ? [el("p", { class: "waits" }, `At the next start: ${flow.config.at_next_start.join(", ")}`)] : []),
    el("dl", {},
      one("Articles accepted", "", rate(flow.articles), hour(fives(flow.articles_by_minute), fives([]))),
      one("Deliveries arrived", "", rate(flow.arrivals), hour(fives(flow.arrivals_by_minute), fives([]))),
      one("Oldest undelivered", old > 900 ? "bad" : old > 60 ? "warn" : "", flow.oldest ? since(flow.oldest) : "none", flow.oldest_at),
      one("Waiting", "", count(flow.waiting, flow.or_more)),
      one("Doors in trouble", flow.troubled ? "bad" : "", `${count(flow.troubled)} of ${count(flow.destinations)}`, flow.suspended ? `${count(flow.suspended)} suspended` : ""),
      one("In quarantine", flow.quarantine ? "warn" : "", count(flow.quarantine), flow.orders ? `${count(flow.orders)} orders open` : "")));
  // Told to who listens only when it changes.
  const words = `${flow.troubled} of ${flow.destinations} doors in trouble, ${flow.quarantine} in quarantine`;
  if (words !== spoken && spoken) say(words);
  spoken = words;
};
/** Minutes by fives. */
const fives = (minutes) => Array.from({ length: 12 }, (_, at) => minutes.slice(at * 5, at * 5 + 5).reduce((a, b) => a + b, 0));

const SORTS = { name: "Partner", trouble: "State", waiting: "Waiting", oldest: "Oldest", rate: "Rate", latency: "Latency" };

const drawPartners = () => {
  if (!board) return main.replaceChildren(el("p", {}, "…"));
  const by = (sort) => el("th", { scope: "col", "aria-sort": view.sort === sort ? (sort === "name" || sort === "oldest" ? "ascending" : "descending") : null },
    el("button", { id: `sort-${sort}`, type: "button", onclick: () => look({ sort, page: 0 }) }, SORTS[sort]));
  const rows = board.rows.map((row) => {
    const [partner, door] = row.destination.split("/");
    return el("tr", {},
      el("th", { scope: "row" }, el("a", { id: `row-${row.destination}`, href: `#/partner/${encodeURIComponent(partner)}` }, row.name || partner), el("small", {}, ` ${partner}/${door}`)),
      cell(state(row.standing)),
      amount(row.waiting ? count(row.waiting, row.or_more) : ""),
      amount(row.oldest ? since(row.oldest) : ""),
      amount(row.per_minute ? rate(row.per_minute) : ""),
      amount(row.latency_ms == null ? "" : `${number.format(row.latency_ms)} ms`),
      cell(hour(row.arrived, row.failed)),
      el("td", { class: "why" }, row.why || "", row.retry_at && el("small", {}, "asked again ", soon(row.retry_at)),
        !row.why && row.last_failure && el("small", {}, "last failure ", when(row.last_failure[0]), `: ${row.last_failure[1]}`)));
  });
  const first = view.page * board.page_size;
  const caption = view.q ? `${count(board.all)} destinations match "${view.q}"` : `${count(board.all)} destinations`;
  const shown = board.all > rows.length ? `, ${count(first + 1)} to ${count(first + rows.length)} shown` : "";
  redraw([
    el("h2", {}, "Partners"),
    table(caption + shown, [by("name"), by("trouble"), by("waiting"), by("oldest"), by("rate"), by("latency"), "Last hour", "Why"], rows,
      view.q ? `No partner matches "${view.q}".` : "No destination is known to the ledger yet."),
    el("div", { class: "actions" },
      view.page > 0 && el("button", { id: "before", type: "button", onclick: () => look({ page: view.page - 1 }) }, "Before"),
      first + rows.length < board.all && el("button", { id: "more", type: "button", onclick: () => look({ page: view.page + 1 }) }, "More"))]);
};

const look = (changes) => {
  view = { ...view, ...changes };
  listen();
};

// --- Other pages -------------------------------------------------------------------------------------------------------

const storyLink = (guid, headline) => [el("a", { href: `#/story/${encodeURIComponent(guid)}` }, headline || guid), el("small", {}, guid)];
const whyLink = (guid, to) => el("a", { href: `#/why/${encodeURIComponent(guid)}/${encodeURIComponent(to)}` }, "why?");

const deliveries = (caption, list, nothing) =>
  table(caption, ["Story", "Version", "Destination", "State", "Attempts", "Since", "Reason", "Ask"],
    list.map((one) => el("tr", {},
      cell(storyLink(one.story, one.headline)), amount(`${one.version} ${one.action}`), cell(one.destination), cell(state(one.state)),
      amount(one.attempts || ""), cell(when(one.at || one.accepted)), el("td", { class: "why" }, one.reason || ""), cell(whyLink(one.story, one.destination)))),
    nothing);

const orderRows = (orders, nothing) =>
  table("Orders, the last first", ["No.", "Order", "State", "Given", "By", "Why", "What came of it"],
    orders.map((one) => el("tr", {}, amount(one.id), cell(words(one.order)), cell(one.state), cell(when(one.at)), cell(one.by), cell(one.reason || ""),
      cell(one.result || "", ["waiting", "working"].includes(one.state) && stopButton(one.id)))),
    nothing);
const words = ({ order, story, to, even_kills }) => [order, story, to && `→ ${to}`, even_kills && "(even kills)"].filter(Boolean).join(" ");
const stopButton = (id) => el("button", {
  type: "button",
  onclick: async () => {
    const done = await form(`End order ${id}?`, el("p", {}, "What it did so far stands."), "End it",
      async () => (await ask(`v1/orders/${id}/stop`, { method: "POST" })).json());
    if (done) { say(`order ${id} is stopped`); show(); }
  },
}, "End it");

const partner = async (id, signal) => {
  const told = await read(`v1/partners/${encodeURIComponent(id)}`, signal);
  const lanes = (board?.rows || []).filter((row) => row.destination.startsWith(`${id}/`));
  return [
    el("h2", {}, told.name ? `${told.name} (${id})` : id),
    ...lanes.map((row) => el("p", {}, `${row.destination}: `, state(row.standing), row.why ? `, ${row.why}` : "", row.retry_at ? [", asked again ", soon(row.retry_at)] : "")),
    el("div", { class: "actions" },
      action("Suspend", `Suspend ${id}?`, "It is sent nothing but kills until it is resumed. What it is owed waits.", ({ even }) => ({ order: "suspend", to: id, even_kills: Boolean(even) }),
        { fields: [box("even", "send no kills either")], grave: true }),
      action("Resume", `Resume ${id}?`, "What it is owed goes on.", () => ({ order: "resume", to: id })),
      testButton(id),
      action("Replay", `Replay to ${id}?`, "The newest version of each story goes that was accepted since then and is not confirmed, behind what comes now.",
        ({ hours }) => ({ order: "replay", to: id, from: { since: new Date(Date.now() - hours * 3600e3).toISOString() } }),
        { fields: [text("hours", "Hours back", { type: "number", min: "1", value: "24", required: true })] })),
    el("h3", {}, "Under way and next"),
    deliveries("In the order in which they go", [...told.attempting, ...told.next, ...told.held], "Nothing waits for it."),
    el("h3", {}, "Refused"),
    deliveries("They wait for somebody to look", told.refused, "Nothing is refused."),
    el("h3", {}, "Recent deliveries"),
    deliveries("The newest versions first", told.recent, "It was never owed anything."),
    el("h3", {}, "Attempts that failed"),
    table("The last first", ["Began", "Took", "Story", "Version", "Destination", "Outcome", "Answer"],
      told.failed.map((one) => el("tr", {}, cell(when(one.began)), amount(`${number.format(new Date(one.ended) - new Date(one.began))} ms`), cell(storyLink(one.story)),
        amount(one.version), cell(one.destination), cell(one.outcome), el("td", { class: "why" }, one.detail))),
      "None is remembered."),
    el("h3", {}, "Ordered"),
    orderRows(told.orders, "Nothing was ordered for it."),
  ];
};

const MARKS = { well: "✓", remark: "!", trouble: "✗" };
/** Tries the partner's doors, and shows what was found of each part, and what to do. */
const testButton = (id) => el("button", {
  type: "button",
  onclick: async () => {
    const done = await form(`Try the doors of ${id}?`, el("p", {}, "Name, connection, TLS, login: without sending news."), "Test",
      async () => (await ask(`v1/partners/${encodeURIComponent(id)}/test`, { method: "POST" })).json());
    if (!done) return;
    const shown = done.came.flatMap(({ destination, well, steps }) => [
      el("h3", {}, `${destination}: `, state(well ? "well" : "trouble")),
      el("ul", {}, steps.map((step) => el("li", {}, `${MARKS[step.verdict]} ${step.part}, ${number.format(step.took_ms)} ms: ${step.found}`, step.mend && el("small", {}, ` → ${step.mend}`)))),
    ]);
    await form(`The doors of ${id}`, shown, "Well", async () => {});
  },
}, "Test");

const story = async (guid, signal) => {
  const told = await read(`v1/story?${new URLSearchParams({ guid })}`, signal);
  const states = Object.entries(told.states).map(([word, amount]) => `${count(amount)} ${word}`).join(", ");
  const kill = told.kill && [
    el("h3", {}, "Withdrawn"),
    el("label", {}, `${count(told.kill.acknowledged)} of ${count(told.kill.concerned)} doors that have it or may have it have acknowledged that it comes down`,
      el("progress", { id: "kill", max: told.kill.concerned || 1, value: told.kill.concerned ? told.kill.acknowledged : 1 })),
    table("Outstanding", ["Destination", "Since", "Attempts", "Why"],
      told.kill.outstanding.map((door) => el("tr", {}, cell(door.destination), cell(when(door.since)), amount(door.attempts), el("td", { class: "why" }, door.why))),
      "Nobody is outstanding."),
  ];
  return [
    el("h2", {}, told.headline || guid),
    el("p", {}, el("code", {}, guid), `, version ${told.newest}`, told.on_hold ? el("strong", {}, `, on hold: ${told.on_hold}`) : ""),
    told.rights_until && el("p", {}, "Who has it may keep it until ", when(told.rights_until), "; then it is withdrawn."),
    ...told.set_aside.map(([id, why]) => el("p", { class: "state held" }, el("a", { href: `#/quarantine/${id}` }, `In quarantine, entry ${id}`), `: ${why}`)),
    el("div", { class: "actions" },
      told.on_hold
        ? action("Release", "Release this story?", "What waits of it goes on.", () => ({ order: "release", story: guid }))
        : action("Hold", "Hold this story?", "Nothing of it leaves any more, but kills. Who has it keeps it.", () => ({ order: "hold", story: guid }), { grave: true }),
      action("Resend", "Resend this story?", "Its version goes once more, whatever came of it.", ({ to }) => ({ order: "resend", story: guid, to }),
        { fields: [text("to", "To a partner, or partner/destination", { required: true })] }),
      action("Cancel", "Cancel what waits of this story?", "What waits of it ends; what is under way is not tried again. Kills go on.", () => ({ order: "cancel", story: guid }), { grave: true })),
    ...(kill || []),
    el("h3", {}, "Versions"),
    table("The oldest first", ["Version", "Action", "Accepted", "From"],
      told.versions.map((one) => el("tr", {}, amount(one.version), cell(one.action), cell(when(one.accepted)), cell(one.source))), "They were kept for long enough."),
    el("h3", {}, "Partners"),
    deliveries(`${states || "nobody is owed it"}${told.all > told.doors.length ? `; the first ${count(told.doors.length)} shown` : ""}`, told.doors, "Nobody is owed it."),
  ];
};

const stories = async (q, signal) => {
  const found = await read(`v1/stories?${new URLSearchParams({ q })}`, signal);
  return [
    el("h2", {}, "Stories"),
    table(q ? `That match "${q}", the newest first` : "The newest first", ["Story", "Version", "Action", "Accepted"],
      found.map((one) => el("tr", {}, cell(storyLink(one.guid, one.headline)), amount(one.version), cell(one.action), cell(when(one.accepted)))),
      q ? `None of the last 20,000 versions matches "${q}".` : "Nothing was accepted yet."),
  ];
};

const why = async (guid, to, signal) => {
  const { told } = await read(`v1/why?${new URLSearchParams({ guid, to })}`, signal);
  return [
    el("h2", {}, `Why has ${to} this story, or not?`),
    el("p", {}, storyLink(guid)),
    el("pre", { tabindex: "0" }, told),
    el("div", { class: "actions" }, action("Resend", `Resend it to ${to}?`, "Its version goes once more, whatever came of it.", () => ({ order: "resend", story: guid, to }))),
  ];
};

const quarantine = async (signal) => {
  const entries = await read("v1/quarantine", signal);
  return [
    el("h2", {}, "Quarantine"),
    table("What could not be accepted, or could not be proved; the newest first", ["No.", "Kind", "Since", "From", "Guid", "Reason", "Size"],
      entries.map((one) => el("tr", {}, cell(el("a", { href: `#/quarantine/${one.id}` }, one.id)), cell(one.kind), cell(when(one.at)), cell(one.source), cell(one.guid || ""),
        el("td", { class: "why" }, one.reason), amount(number.format(one.size)))),
      "Nothing is in quarantine."),
  ];
};

const entry = async (id, signal) => {
  const one = await read(`v1/quarantine/${id}`, signal);
  const decide = (word, label, title, explained, grave) => el("button", {
    type: "button",
    class: grave ? "grave" : "",
    onclick: async () => {
      const done = await form(title, el("p", {}, explained), label, async () => (await ask(`v1/quarantine/${id}/${word}`, { method: "POST" })).json(), grave);
      if (done) { say(`entry ${id}: ${done.came.state}`); location.hash = "#/quarantine"; }
    },
  }, label);
  return [
    el("h2", {}, `Quarantine, entry ${id}`),
    el("p", {}, one.reason),
    el("p", {}, `${one.kind}, from ${one.source}, `, when(one.at), one.content_type ? `, ${one.content_type}` : "", `, ${number.format(one.size)} bytes`, one.guid ? [", ", storyLink(one.guid)] : ""),
    el("div", { class: "actions" },
      decide("retry", "Try again", `Try entry ${id} again?`, "For example after the configuration was mended. It is tried within a second."),
      decide("discard", "Discard", `Discard entry ${id}?`, "It is put away for good, and removed after the time to keep it.", true)),
    el("pre", { tabindex: "0" }, one.content),
    !one.is_whole && el("p", {}, `The start of it; newswired quarantine show ${id} prints the whole.`),
  ];
};

const orders = async (signal) => [
  el("h2", {}, "Orders"),
  orderRows(await read("v1/orders?all=true", signal), "Nothing was ordered."),
];

// --- Which page --------------------------------------------------------------------------------------------------------

const route = () => {
  const [page, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  return { page: page || "partners", rest };
};

/** Puts new content in place. Who goes through the page by keyboard stays where they are. */
const redraw = (content) => {
  const of = (element) => `${element.tagName} ${element.id || element.getAttribute("href") || element.textContent}`;
  const focused = main.contains(document.activeElement) && document.activeElement !== main ? of(document.activeElement) : null;
  main.replaceChildren(...content);
  if (focused) [...main.querySelectorAll("a, button, [tabindex]")].find((element) => of(element) === focused)?.focus();
};

const REFRESH = 2000;
let showing = null;
let timer = null;

/** Draws the page that the address names, and keeps it up to date. */
const show = async (again = false) => {
  clearTimeout(timer);
  showing?.abort();
  const mine = (showing = new AbortController());
  const { page, rest } = route();
  // Until it is drawn, what stands there belongs to the page before; who reads by ear is told to wait.
  if (!again) main.setAttribute("aria-busy", "true");
  for (const link of document.querySelectorAll("nav a")) {
    const of = link.getAttribute("href").slice(2) || "partners";
    const here = page.startsWith(of) || (of === "partners" && page === "partner") || (of === "stories" && ["story", "why"].includes(page));
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (page === "partners") {
    drawPartners();
    main.removeAttribute("aria-busy");
    return;
  }
  try {
    const drawn = await (page === "partner" ? partner(rest[0], mine.signal)
      : page === "story" ? story(rest[0], mine.signal)
      : page === "stories" ? stories(rest[0] || "", mine.signal)
      : page === "why" ? why(rest[0], rest[1], mine.signal)
      : page === "quarantine" ? (rest[0] ? entry(Number(rest[0]), mine.signal) : quarantine(mine.signal))
      : page === "orders" ? orders(mine.signal)
      : [el("h2", {}, "There is no such page"), el("p", {}, el("a", { href: "#/" }, "Partners"))]);
    if (mine.signal.aborted) return;
    // A text that somebody marks is not taken away.
    if (!again || getSelection().isCollapsed) redraw(drawn.flat().filter(Boolean));
    document.title = `${main.querySelector("h2")?.textContent || "newswired"} · newswired`;
  } catch (why) {
    if (mine.signal.aborted) return;
    if (!again) main.replaceChildren(el("p", { role: "alert" }, why.message));
  }
  main.removeAttribute("aria-busy");
  timer = setTimeout(() => show(true), REFRESH);
};

addEventListener("hashchange", () => {
  show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});

byId("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  const q = byId("q").value.trim();
  if (!q) { look({ q: "", page: 0 }); location.hash = "#/"; return; }
  // A partner's name is looked for first; what is none is a story.
  const known = await read(`v1/partners?${new URLSearchParams({ q })}`).catch(() => ({ all: 0 }));
  if (known.all > 0) {
    look({ q, page: 0 });
    location.hash = "#/";
    show();
  } else {
    location.hash = `#/stories/${encodeURIComponent(q)}`;
  }
});

// The address names a page here, not a place in it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

show();
listen();
