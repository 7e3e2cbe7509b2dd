/* The card: head, steps by stage, a log under each step that is open. */

const SIGNS = { waiting: "○", running: "◐", done: "✓", cached: "=", failed: "✕", cancelled: "–" };
const TONES = { running: "ma-running", done: "ma-done", failed: "ma-failed" };
const GONE = 15; // seconds of silence after which nobody is there to be stopped
const SAY = 2000; // milliseconds between two announcements

/** Write only what differs: a page at rest stays at rest. */
function write(element, text) {
  if (element.shown === text) return;
  element.shown = text;
  element.textContent = text;
}

/** Make these the children, in this order. What is there already is not touched: it keeps its place, its scrolling, its focus. */
function set(parent, children) {
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

class StepRow {
  constructor(card, number, [name, title]) {
    Object.assign(this, { card, number, name, pane: null, open: false });
    const cell = (kind) => make("span", { class: kind });
    this.sign = make("span", { class: "ma-sign", "aria-hidden": "true" });
    this.fill = make("i");
    this.bar = make("span", { class: "ma-bar", "aria-hidden": "true", hidden: "" }, this.fill);
    [this.text, this.word, this.time] = [cell("ma-text"), cell("ma-state"), cell("ma-time ma-dim")];
    this.button = make("button", {
      class: "ma-row", type: "button", "aria-expanded": "false", title, onclick: () => card.toggle(this),
      onkeydown: (event) => card.key(event, this),
    }, this.sign, make("span", { class: "ma-name" }, make("code", {}, name)),
    make("span", { class: "ma-more ma-dim" }, this.bar, this.text), this.word, this.time);
    this.element = make("li", {}, this.button);
  }

  update([, state, word, time, more, share]) {
    if (state !== this.state) {
      this.state = state;
      this.sign.textContent = SIGNS[state];
      this.sign.className = `ma-sign ${TONES[state] ?? "ma-dim"}`;
      this.word.className = `ma-state ${TONES[state] ?? "ma-dim"}`;
    }
    write(this.word, word);
    write(this.time, time);
    write(this.text, more);
    if (this.bar.hidden !== (share === null)) this.bar.hidden = share === null;
    if (share !== null) this.fill.style.width = `${share * 100}%`;
  }

  /** Show or hide its log. */
  show(open, large) {
    if (open && !this.pane) {
      this.pane = new Pane(this.card.store.log(this.number), this.card.texts, this.name);
      this.pane.element.id = `ma-${this.card.id}-${this.number}`;
      this.button.setAttribute("aria-controls", this.pane.element.id);
    }
    if (open !== this.open) {
      this.open = open;
      this.element.classList.toggle("ma-open", open);
      this.button.setAttribute("aria-expanded", String(open));
      if (open) this.element.append(this.pane.element);
      else this.pane.element.remove();
    }
    if (open) this.pane.size(large);
  }
}

let cards = 0;

class Card {
  constructor(store) {
    Object.assign(this, { store, id: (cards += 1), rows: new Map(), asked: new Map(), tail: new Map(), said: 0 });
    this.places = new Map();
    this.stages = make("div", { class: "ma-stages" });
    this.texts = store.texts;
    this.sign = make("span", { class: "ma-running", "aria-hidden": "true" }, SIGNS.running);
    [this.title, this.subject, this.sum] = [make("b"), make("code"), make("span", { class: "ma-sum" })];
    this.stop = make("button", { class: "ma-stop", type: "button", onclick: () => this.cancel() }, this.texts.stop);
    this.fill = make("i");
    this.chart = make("div", { class: "ma-picture", hidden: "" });
    this.steps = make("div", { class: "ma-groups" });
    this.voice = make("div", { class: "ma-hidden", role: "status", "aria-live": "polite" });
    this.note = make("div", { class: "ma-foot", hidden: "" });
    this.element = make("div", { class: "ma ma-live", role: "group", "data-lm-suppress-shortcuts": "true" },
      make("div", { class: "ma-head" }, this.sign, this.title, this.subject, this.sum, this.stop),
      make("div", { class: "ma-meter", "aria-hidden": "true" }, this.fill),
      make("div", { class: "ma-run" }, this.chart, this.steps), this.note, this.voice);
    this.all();
  }

  /** Paint everything that the store holds. */
  all() {
    this.head();
    this.group();
    for (const row of this.store.steps.values()) this.rows.get(row[0])?.update(row);
    this.picture();
    this.arrange();
  }

  /** Paint what a message changed. */
  update(content) {
    this.head();
    if (content.groups) this.group();
    for (const row of content.steps ?? []) {
      const before = this.rows.get(row[0])?.state;
      this.rows.get(row[0])?.update(row);
      if (before && before !== row[1]) this.say(`${this.rows.get(row[0]).name}: ${row[2]}`);
    }
    if (content.chart !== undefined) this.picture();
    this.arrange();
  }

  head() {
    const { head } = this.store;
    write(this.title, head.title ?? "");
    write(this.subject, head.subject ?? "");
    write(this.sum, head.summary ?? "");
    const width = `${(head.share ?? 0) * 100}%`;
    if (this.fill.style.width !== width) this.fill.style.width = width;
    const label = `${head.title ?? ""} ${head.subject ?? ""}`;
    if (this.element.getAttribute("aria-label") !== label) this.element.setAttribute("aria-label", label);
  }

  group() {
    const parts = [];
    let side = null;
    for (const [key, title, numbers] of this.store.groups) {
      const { list, box } = this.place(key, title);
      set(list, numbers.map((number) => this.row(number).element));
      if (!title) {
        side = null;
        parts.push(list);
        continue;
      }
      if (!side) parts.push((side = { boxes: [] }));
      side.boxes.push(box);
    }
    const stages = this.stages;
    set(this.steps, parts.map((part) => (part.boxes ? (set(stages, part.boxes), stages) : part)));
  }

  /** The list of a group, and the box in which a stage has it. */
  place(key, title) {
    const known = `${key} ${title}`;
    if (!this.places.has(known)) {
      const list = make("ol", { class: "ma-list", "aria-label": title || this.texts.steps });
      const box = title ? make("div", {}, make("div", { class: "ma-stage" }, title), list) : null;
      this.places.set(known, { list, box });
    }
    return this.places.get(known);
  }

  row(number) {
    if (!this.rows.has(number)) {
      const row = new StepRow(this, number, this.store.names.get(number));
      this.rows.set(number, row);
      if (this.store.steps.has(number)) row.update(this.store.steps.get(number));
    }
    return this.rows.get(number);
  }

  picture() {
    this.chart.hidden = !this.store.chart;
    this.chart.innerHTML = this.store.chart; // made by chart.py, which escapes every text
    this.element.classList.toggle("ma-charted", Boolean(this.store.chart));
  }

  /** Open what runs (one step of each group, the one before it until it speaks) and what failed; the reader's word stands. */
  arrange() {
    const automatic = new Set();
    this.store.groups.forEach(([key, , numbers]) => {
      const shown = this.tail.get(key);
      const speaks = (number) => this.rows.get(number).state === "running" && this.store.spoke(number);
      const now = shown !== undefined && speaks(shown) ? shown : numbers.find(speaks);
      if (now !== undefined) this.tail.set(key, now);
      if (this.tail.has(key)) automatic.add(this.tail.get(key));
      for (const number of numbers) if (this.rows.get(number).state === "failed") automatic.add(number);
    });
    for (const [number, row] of this.rows) {
      const asked = this.asked.get(number);
      const open = asked ?? automatic.has(number);
      if (open !== row.open || (open && (asked === true) !== row.pane.large)) row.show(open, asked === true);
      else if (open) row.pane.update();
    }
  }

  toggle(row) {
    const grow = row.open && this.asked.get(row.number) === undefined;
    this.asked.set(row.number, grow || !row.open);
    this.arrange();
  }

  key(event, row) {
    const buttons = [...this.element.querySelectorAll(".ma-row")];
    const at = buttons.indexOf(row.button);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to === undefined) return;
    buttons[Math.max(0, Math.min(to, buttons.length - 1))].focus();
    event.preventDefault();
    event.stopPropagation();
  }

  async cancel() {
    this.stop.disabled = true;
    write(this.stop, this.texts.stopping);
    if (!(await this.store.cancel())) this.remark(this.texts.no_way);
  }

  remark(text) {
    this.note.hidden = !text;
    write(this.note, text);
  }

  /** Nothing came for a while: the clock that stands still is not the truth. */
  silent(seconds) {
    this.stop.hidden = seconds >= GONE; // it would stop whatever the kernel does by now
    this.remark(seconds ? fill(this.texts.silent, { seconds }) : "");
  }

  say(text) {
    const now = Date.now();
    if (now - this.said < SAY) return;
    this.said = now;
    this.voice.textContent = text;
  }
}
