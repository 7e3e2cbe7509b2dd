/* A log on the screen: only the rows in sight exist; it scrolls, searches, copies and follows its end. */

const ROW = 17; // pixels, as in live.css
const SPARE = 6; // rows above and below the visible ones

/** An element with attributes and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** A styled line as nodes; the parts that a search looks for are marked. */
function painted(line, wanted) {
  const nodes = [];
  const parts = line.split(/\x1b\[([0-9;]*)m/);
  for (let index = 0; index < parts.length; index += 2) {
    const codes = index ? parts[index - 1] : "";
    const kind = codes && codes !== "0" ? codes.split(";").map((code) => `a${code}`).join(" ") : null;
    for (const [text, hit] of split(parts[index], wanted)) {
      if (hit) nodes.push(make("mark", { class: kind }, text));
      else if (kind) nodes.push(make("span", { class: kind }, text));
      else if (text) nodes.push(text);
    }
  }
  return nodes;
}

function* split(text, wanted) {
  const lower = wanted && text.toLowerCase();
  let start = 0;
  for (let at = wanted ? lower.indexOf(wanted) : -1; at >= 0; at = lower.indexOf(wanted, start)) {
    yield [text.slice(start, at), false];
    start = at + wanted.length;
    yield [text.slice(at, start), true];
  }
  yield [text.slice(start), false];
}

class Pane {
  constructor(log, texts, name) {
    Object.assign(this, { log, texts, follows: true, rows: new Map(), search: null, all: null, large: false });
    this.body = make("div", { class: "ma-rows" });
    this.tall = make("div", { class: "ma-tall" }, this.body);
    this.scroll = make("div", {
      class: "ma-scroll", tabindex: "0", role: "region", "aria-label": fill(texts.log, { step: name }),
      onscroll: () => this.scrolled(), onkeydown: (event) => this.key(event), oncopy: (event) => this.copied(event),
      onwheel: () => (this.moved = true), onpointerdown: () => ((this.moved = true), this.select(false)),
    }, this.tall);
    this.element = make("div", { class: "ma-pane" }, this.tools(name), this.scroll);
    this.redraw = () => {
      this.due ??= requestAnimationFrame(() => {
        this.due = null;
        this.draw();
      }); // once a frame, however many rows wait for their piece
    };
  }

  tools(name) {
    const { texts } = this;
    const button = (label, text, onclick) => make("button", { type: "button", "aria-label": label, title: label, onclick }, text);
    this.input = make("input", {
      type: "search", placeholder: texts.search, "aria-label": fill(texts.search_in, { step: name }), spellcheck: "false",
      oninput: () => this.seek(), onkeydown: (event) => {
        if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
      },
    });
    this.found = make("span", { class: "ma-dim", role: "status" });
    this.said = make("span", { class: "ma-dim", role: "status" });
    this.end = button(texts.follow, texts.follow, () => this.follow());
    return make("div", { class: "ma-tools" }, this.input, button(texts.previous, "↑", () => this.step(-1)),
      button(texts.next, "↓", () => this.step(1)), this.found, make("span", { class: "ma-space" }), this.said, this.end,
      button(texts.copy, texts.copy, () => this.copy()));
  }

  /** Small: the last lines of what runs. Large: opened by its reader, with tools. */
  size(large) {
    this.large = large;
    this.element.classList.toggle("ma-large", large);
    this.update();
  }

  get total() {
    return this.log.count - this.log.base + (this.log.partial ? 1 : 0);
  }

  /** Show what came; the end that it follows is unpacked first, so that no row is ever blank for a moment. */
  update() {
    const last = this.log.pieces[this.log.pieces.length - 1];
    if (this.follows && last && !last.lines) {
      if (!last.opening) this.log.unpacked(last).then(() => this.place());
    } else this.place();
  }

  place() {
    const height = `${Math.max(this.total, 1) * ROW}px`;
    if (this.tall.style.height !== height) this.tall.style.height = height;
    if (this.search && !this.search.busy && this.search.next < this.log.count) this.search.run();
    if (this.follows) this.scroll.scrollTop = this.scroll.scrollHeight;
    this.draw();
  }

  scrolled() {
    const below = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
    if (below < ROW) this.follows = true;
    else if (this.moved) this.follows = false;
    this.end.hidden = this.follows;
    this.draw();
  }

  follow() {
    this.follows = true;
    this.update();
  }

  draw() {
    const { log, scroll } = this;
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
    const last = Math.min(this.total, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + SPARE);
    for (const [index, row] of this.rows) {
      if (index < first || index >= last) {
        row.remove();
        this.rows.delete(index);
      }
    }
    for (let index = first; index < last; index++) this.row(index, log.line(log.base + index, this.redraw));
    if (!this.total) this.body.replaceChildren(this.empty ??= make("div", { class: "ma-line ma-dim" }, this.texts.empty));
    else this.empty?.remove();
  }

  row(index, line) {
    let row = this.rows.get(index);
    if (!row) {
      row = make("div", { class: "ma-line" });
      row.style.top = `${index * ROW}px`;
      this.rows.set(index, row);
      const after = this.rows.get(index + 1);
      this.body.insertBefore(row, after ?? null); // in reading order, for selections
    }
    const wanted = this.search?.text ?? "";
    const here = this.search && this.search.found[this.search.at] === index + this.log.base;
    if (row.shown === line && row.wanted === wanted && row.here === here) return;
    Object.assign(row, { shown: line, wanted, here });
    row.classList.toggle("ma-here", Boolean(here));
    if (line === undefined) row.textContent = "";
    else if (!wanted && !line.includes("\x1b")) row.textContent = line;
    else row.replaceChildren(...painted(line, wanted));
  }

  show(index) {
    this.follows = false;
    this.end.hidden = false;
    this.scroll.scrollTop = (index - this.log.base) * ROW - this.scroll.clientHeight / 2;
    this.draw();
  }

  seek() {
    if (this.search) this.search.stopped = true;
    const text = this.input.value;
    this.search = text ? new Search(this.log, text, (search) => search === this.search && this.told()) : null;
    this.told();
    this.draw();
  }

  told() {
    const { search, texts } = this;
    if (!search) this.found.textContent = "";
    else if (search.found.length) {
      if (search.at < 0) this.step(1);
      this.found.textContent = fill(texts.match, { number: search.at + 1, total: search.found.length.toLocaleString("en") });
    } else this.found.textContent = search.busy ? "…" : texts.none;
  }

  step(way) {
    const { search } = this;
    if (!search?.found.length) return;
    search.at = search.at < 0 ? 0 : (search.at + way + search.found.length) % search.found.length;
    this.show(search.found[search.at]);
    this.told();
  }

  async copy() {
    const text = await this.log.text();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { class: "ma-hidden", "aria-hidden": "true" });
      area.value = text;
      this.element.append(area);
      area.select();
      document.execCommand("copy"); // where the page may not use the clipboard itself
      area.remove();
    }
    this.said.textContent = fill(this.texts.copied, { count: (this.log.count - this.log.base).toLocaleString("en") });
  }

  key(event) {
    const page = this.scroll.clientHeight - ROW;
    const ways = { ArrowUp: -ROW, ArrowDown: ROW, PageUp: -page, PageDown: page, Home: -Infinity, End: Infinity };
    if ((event.ctrlKey || event.metaKey) && event.key === "a") {
      this.select(true);
    } else if (event.key in ways) {
      this.moved = true;
      const to = this.scroll.scrollTop + ways[event.key];
      this.scroll.scrollTop = Math.max(0, Math.min(to, this.scroll.scrollHeight));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Select everything, also the lines that are no rows now: the copy that follows takes them all. */
  async select(all) {
    this.scroll.classList.toggle("ma-all", all);
    this.all = null;
    if (!all) return;
    document.getSelection().selectAllChildren(this.body);
    this.all = await this.log.text();
  }

  copied(event) {
    if (this.all === null) return;
    event.clipboardData.setData("text/plain", this.all);
    event.preventDefault();
    event.stopPropagation();
  }
}
