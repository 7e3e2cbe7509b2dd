/* The lines of one step. Pieces stay packed until somebody looks at them, so that 100,000 lines cost no more than their bytes. */

const UNPACKED = 40; // pieces that stay unpacked: the last ones looked at
const ESCAPES = /\x1b\[[0-9;]*m/g;

const plain = (line) => (line.includes("\x1b") ? line.replace(ESCAPES, "") : line);

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

class Log {
  constructor() {
    this.pieces = []; // {from, count, lines | null, packed, skip}
    this.base = 0; // lines before this one are in the log file only
    this.count = 0;
    this.partial = "";
    this.recent = [];
  }

  /** Add lines (an array, or their packed bytes). Those that are here already are passed over; false: some before are missing. */
  add(from, count, base, content) {
    if (base > this.base) this.forget(base);
    if (from + count <= this.count) return true;
    if (from > this.count) return false;
    const skip = this.count - from;
    const last = this.pieces[this.pieces.length - 1];
    if (!Array.isArray(content)) {
      this.pieces.push({ from: this.count, count: count - skip, packed: content, skip, lines: null });
    } else if (last && !last.packed && last.count < 1000) {
      for (let index = skip; index < content.length; index++) last.lines.push(content[index]);
      last.count += count - skip;
    } else {
      this.pieces.push({ from: this.count, count: count - skip, lines: content.slice(skip) });
    }
    this.count = from + count;
    return true;
  }

  forget(base) {
    this.pieces = this.pieces.filter((piece) => piece.from + piece.count > base);
    this.base = base;
    this.count = Math.max(this.count, base);
  }

  /** The piece that holds a line. */
  piece(index) {
    let low = 0;
    let high = this.pieces.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const piece = this.pieces[middle];
      if (index < piece.from) high = middle - 1;
      else if (index >= piece.from + piece.count) low = middle + 1;
      else return piece;
    }
    return null;
  }

  /** A line; undefined while it is being unpacked, of which `ready` is told. */
  line(index, ready) {
    if (index === this.count && this.partial) return this.partial;
    const piece = this.piece(index);
    if (!piece) return "";
    if (piece.lines) return piece.lines[index - piece.from];
    if (!piece.opening) this.unpacked(piece).then(ready);
    return undefined;
  }

  async unpacked(piece) {
    if (piece.lines) return piece.lines;
    piece.opening ??= inflate(piece.packed).then((text) => {
      piece.lines = text.split("\n").slice(piece.skip);
      piece.opening = null;
      this.recent = [...this.recent.filter((other) => other !== piece), piece];
      if (this.recent.length > UNPACKED) this.recent.shift().lines = null;
      return piece.lines;
    });
    return piece.opening;
  }

  /** All of it as plain text. */
  async text() {
    const parts = [];
    for (const piece of [...this.pieces]) parts.push((await this.unpacked(piece)).map(plain).join("\n"));
    if (this.partial) parts.push(plain(this.partial));
    return parts.join("\n");
  }
}

/** The lines of a log that hold a text, found piece by piece, so that nothing stands still meanwhile. */
class Search {
  constructor(log, text, changed) {
    Object.assign(this, { log, changed, text: text.toLowerCase(), found: [], next: log.base, at: -1, busy: false });
    this.run();
  }

  async run() {
    if (this.busy) return;
    this.busy = true;
    while (!this.stopped && this.next < this.log.count) {
      const piece = this.log.piece(this.next);
      if (!piece) break;
      const lines = await this.log.unpacked(piece);
      for (let index = this.next - piece.from; index < lines.length; index++) {
        if (plain(lines[index]).toLowerCase().includes(this.text)) this.found.push(piece.from + index);
      }
      this.next = piece.from + lines.length;
      this.changed(this);
    }
    this.busy = false;
    this.changed(this);
  }
}
