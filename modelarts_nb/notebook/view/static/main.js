/* What a view knows, and how it hears of it. The last file: log.js, pane.js and card.js stand before it in one module. */

const SILENCE = 5; // seconds without a word from the kernel that are worth one

class Store {
  constructor(model) {
    Object.assign(this, { model, head: {}, groups: [], chart: "", heard: Date.now(), views: new Set() });
    Object.assign(this, { steps: new Map(), names: new Map(), logs: new Map() });
    this.texts = model.get("texts");
  }

  log(number) {
    if (!this.logs.has(number)) this.logs.set(number, new Log());
    return this.logs.get(number);
  }

  spoke(number) {
    const log = this.logs.get(number);
    return log !== undefined && (log.count > 0 || log.partial !== "");
  }

  receive(content, buffers) {
    this.heard = Date.now();
    if (content.type !== "tick" && content.type !== "replay") return;
    this.head = content.head;
    for (const [number, names] of Object.entries(content.names ?? {})) this.names.set(Number(number), names);
    if (content.groups) this.groups = content.groups;
    for (const row of content.steps ?? []) this.steps.set(row[0], row);
    if (content.chart !== undefined) this.chart = content.chart;
    let whole = true;
    (content.packed ?? []).forEach(([number, from, base, count], index) => {
      const { buffer, byteOffset, byteLength } = buffers[index];
      whole = this.log(number).add(from, count, base, new Uint8Array(buffer, byteOffset, byteLength)) && whole;
    });
    for (const [number, from, base, lines] of content.logs ?? []) {
      whole = this.log(number).add(from, lines.length, base, lines) && whole;
    }
    for (const [number, partial] of Object.entries(content.partials ?? {})) this.log(Number(number)).partial = partial;
    const missing = this.groups.some(([, , numbers]) => numbers.some((number) => !this.names.has(number)));
    if (missing) this.groups = [];
    if (!whole || missing || !this.groups.length) this.ask();
    for (const view of this.views) view.receive(content);
  }

  /** Ask for all of it, at most once a second; a kernel that is busy with the cell itself repeats it unasked. */
  ask() {
    const now = Date.now();
    if (now - (this.asked ?? 0) < 1000) return;
    this.asked = now;
    this.model.send({ type: "open" });
  }

  /** Stop the work. A cell that blocks its kernel hears no message: then it is the interrupt that the stop button gives. */
  async cancel() {
    const kernel = this.model.get("kernel");
    if (kernel) return interrupt(kernel);
    this.model.send({ type: "cancel" });
    return true;
  }
}

/** Jupyter Server's own way, as the toolbar's stop button takes it (POST /api/kernels/ID/interrupt). */
async function interrupt(kernel) {
  try {
    const told = document.getElementById("jupyter-config-data")?.textContent;
    const { baseUrl = "/", token = "" } = told ? JSON.parse(told) : {};
    const cookie = document.cookie.match(/(?:^|;\s*)_xsrf=([^;]*)/);
    const headers = { ...(token && { Authorization: `token ${token}` }), ...(cookie && { "X-XSRFToken": cookie[1] }) };
    const address = `${baseUrl}api/kernels/${encodeURIComponent(kernel)}/interrupt`;
    return (await fetch(address, { method: "POST", headers, credentials: "same-origin" })).ok;
  } catch {
    return false;
  }
}

/** One place where the view is shown. */
class View {
  constructor(store, element) {
    Object.assign(this, { store, element, card: null });
    this.clock = setInterval(() => this.listen(), 1000);
    this.ended();
    requestAnimationFrame(() => this.hide());
  }

  receive(content) {
    if (this.over) return;
    if (!this.card) {
      if (!this.store.groups.length && !this.store.head.title) return;
      this.card = new Card(this.store);
      this.element.replaceChildren(this.card.element);
    } else if (content.type === "replay") this.card.all();
    else this.card.update(content);
    if (this.quiet) this.card.silent((this.quiet = 0));
  }

  /** Hide the card beside it for as long as this lives. */
  hide() {
    this.around = this.element.closest(".jp-OutputArea");
    this.around?.classList.add("ma-alive");
  }

  listen() {
    const seconds = Math.round((Date.now() - this.store.heard) / 1000);
    if (this.over || !this.card || seconds < SILENCE) return;
    this.quiet = seconds;
    this.card.silent(seconds);
  }

  ended() {
    const html = this.store.model.get("ended");
    this.over = Boolean(html);
    if (!html) return;
    clearInterval(this.clock);
    this.element.innerHTML = html; // the static card, made by html.py, which escapes every text
  }

  close() {
    clearInterval(this.clock);
    this.around?.classList.remove("ma-alive");
    this.store.views.delete(this);
  }
}

export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store(model);
      model.on("msg:custom", (content, buffers) => store.receive(content, buffers));
      store.ask();
    },
    render({ model, el }) {
      const view = new View(store, el);
      store.views.add(view);
      view.receive({ type: "replay" });
      model.on("change:ended", () => view.ended());
      return () => view.close();
    },
  };
};
