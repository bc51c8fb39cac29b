// The player: lead sheet over the bars, a waveform and controls for each stem, A and B.
import { ask, element, newKey, send } from "./api.js";
import { Deck } from "./deck.js";

const POINTS = 800;

export class Player {
  constructor(holder, empty, heading) {
    Object.assign(this, { holder, empty, heading });
    this.deck = null;
    this.results = [null, null];
    this.peaks = new Map();
    window.backlineDeck = () => this.deck;
    const redraw = () => this.deck && this.draw();
    window.addEventListener("resize", redraw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }

  async open(job, side) {
    this.deck ??= new Deck(new AudioContext());
    this.deck.clear(side);
    const [facts, manifest] = await Promise.all([ask(`/v1/jobs/${job}`), ask(`/v1/jobs/${job}/manifest.json`)]);
    const plan = manifest.files.find((each) => each.path.endsWith("lead_sheet.json"));
    const sheet = plan ? await ask(`/v1/jobs/${job}/files/${plan.path}`) : null;
    const mix = manifest.files.filter((each) => each.role === "mix" && each.take === 1)
      .map(() => ({ name: "mix", url: `/v1/jobs/${job}/stems/mix.wav` }));
    const own = facts.stems.filter((each) => each.take === undefined || each.take === 1);
    const stems = own.length ? own : mix; // a conformed recording may have no stems
    const rate = manifest.grid.sample_rate;
    const barTimes = manifest.grid.bar_frames?.map((frame) => frame / rate) ?? [0, manifest.grid.seconds];
    this.results[side] = { job, facts, manifest, sheet, stems, barTimes };
    this.heading.textContent = `Player: loading job ${job}`;
    await Promise.all(stems.map(async (stem) => {
      await this.deck.load(side, stem.name, stem.url);
      this.peaks.set(`${side}-${stem.name}`, (await ask(`/v1/jobs/${job}/peaks/${stem.name}?points=${POINTS}`)).peaks);
    }));
    this.show();
    this.deck.mix();
    this.deck.hear(side);
    this.show();
  }

  get result() { return this.results[this.deck.heard] ?? this.results[0] ?? this.results[1]; }

  get seconds() { return this.deck.seconds || this.result.barTimes.at(-1); }

  get bars() { return this.result.barTimes.length - 1; }

  barAt(seconds) {
    const after = this.result.barTimes.findIndex((start) => start > seconds + 1e-9);
    return after < 0 ? this.bars : after;
  }

  show() {
    const names = this.results.map((each, side) => each && `${"AB"[side]} is job ${each.job}`).filter(Boolean);
    this.heading.textContent = `Player: ${names.join(", ")}`;
    this.empty.hidden = true;
    this.holder.hidden = false;
    this.holder.replaceChildren(this.transport(), this.sheetBox(), ...this.result.stems.map((stem) => this.stemBox(stem)), this.tools());
    this.draw();
    cancelAnimationFrame(this.frame);
    const tick = () => {
      const at = this.deck.position;
      this.clock.textContent = `bar ${this.barAt(at)}, ${at.toFixed(1)} of ${this.seconds.toFixed(1)} s`;
      if (document.activeElement !== this.slider) this.slider.value = at;
      if (this.deck.playing && !this.deck.loop && at >= this.deck.seconds) this.deck.stop();
      this.playButton.textContent = this.deck.playing ? "Pause" : "Play";
      this.draw(true);
      this.frame = requestAnimationFrame(tick);
    };
    tick();
  }

  transport() {
    this.playButton = element("button", { type: "button", className: "main", id: "play", textContent: "Play" });
    this.playButton.addEventListener("click", () => (this.deck.playing ? this.deck.stop() : this.deck.play()));
    this.slider = element("input", { type: "range", min: 0, max: this.deck.seconds, step: 0.01, id: "position" });
    this.slider.setAttribute("aria-label", "Position in seconds");
    this.slider.addEventListener("input", () => this.deck.seek(Number(this.slider.value)));
    this.clock = element("output", { id: "clock" });
    const bars = this.bars;
    const [from, to] = [1, bars].map((value) => element("input", { type: "number", min: 1, max: bars, value, className: "short" }));
    from.setAttribute("aria-label", "First bar");
    to.setAttribute("aria-label", "Last bar");
    [this.firstBar, this.lastBar] = [from, to];
    const loop = this.toggle("Loop bars", Boolean(this.deck.loop), (on) => this.deck.setLoop(on ? this.range() : null));
    for (const each of [from, to]) each.addEventListener("change", () => this.deck.loop && this.deck.setLoop(this.range()));
    const parts = [this.playButton, this.slider, this.clock, loop, from, "to", to];
    if (this.results[0] && this.results[1]) {
      const ab = this.toggle("Hear B", this.deck.heard === 1, (on) => { this.deck.hear(on ? 1 : 0); this.show(); });
      ab.id = "ab";
      parts.push(ab);
    }
    return element("div", { className: "transport" }, ...parts);
  }

  range() {
    const first = Math.min(this.bars, Math.max(1, Number(this.firstBar.value)));
    const last = Math.min(this.bars, Math.max(first, Number(this.lastBar.value)));
    return [this.result.barTimes[first - 1], this.result.barTimes[last]];
  }

  toggle(words, on, act) {
    const button = element("button", { type: "button", textContent: words });
    button.setAttribute("aria-pressed", on);
    button.addEventListener("click", () => {
      const now = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", now);
      act(now);
    });
    return button;
  }

  sheetBox() {
    const box = element("div", { id: "sheet" });
    const { sheet, barTimes } = this.result;
    if (!sheet) return box;
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", "Chords: " + sheet.chords.map((each) => each.symbol).join(" "));
    const last = sheet.chords.at(-1);
    const beats = last ? Number(last.start_beats) + Number(last.length_beats) : 1;
    const put = (text, part, kind) => {
      const span = element("span", { className: kind, textContent: text });
      span.style.left = `${part * 100}%`;
      box.append(span);
    };
    for (const each of sheet.sections) put(each.name, barTimes[each.first_bar - 1] / this.seconds, "section");
    for (const each of sheet.chords) put(each.symbol, Number(each.start_beats) / beats, "chord");
    return box;
  }

  stemBox(stem) {
    const both = () => this.deck.sides.map((side) => side.get(stem.name)).filter(Boolean);
    const change = (field, value) => { for (const each of both()) each[field] = value; this.deck.mix(); };
    const now = both()[0];
    const mute = this.toggle("Mute", now.muted, (on) => change("muted", on));
    const solo = this.toggle("Solo", now.solo, (on) => change("solo", on));
    mute.setAttribute("aria-label", `Mute ${stem.name}`);
    solo.setAttribute("aria-label", `Solo ${stem.name}`);
    const level = element("input", { type: "range", min: 0, max: 1.5, step: 0.01, value: now.level });
    level.setAttribute("aria-label", `Level of ${stem.name}`);
    level.addEventListener("input", () => change("level", Number(level.value)));
    const file = `${stem.name}.wav`;
    const link = element("a", { href: stem.url, download: file, textContent: "WAV", draggable: true });
    link.setAttribute("aria-label", `Download ${file}`);
    link.addEventListener("dragstart", (event) =>
      event.dataTransfer.setData("DownloadURL", `audio/wav:${file}:${new URL(stem.url, location.href)}`));
    const canvas = element("canvas");
    canvas.dataset.stem = stem.name;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Waveform of ${stem.name}`);
    canvas.addEventListener("click", (event) =>
      this.deck.seek((event.offsetX / canvas.clientWidth) * this.deck.seconds));
    return element("div", { className: "stem" }, element("h3", { textContent: stem.name }), mute, solo, level, link,
      element("div", { className: "wave" }, canvas));
  }

  tools() {
    const { job, manifest, stems, facts } = this.result;
    const project = manifest.files.find((each) => each.path.endsWith(".rpp"));
    const parts = [];
    if (manifest.files.some((each) => each.role === "mix")) {
      parts.push(element("a", { href: `/v1/jobs/${job}/stems/mix.wav`, download: "mix.wav", textContent: "Download the mix" }));
    }
    if (project) parts.push(element("a", { href: `/v1/jobs/${job}/files/${project.path}`, download: "project.rpp", textContent: "REAPER project" }));
    const all = element("button", { type: "button", textContent: "Download all stems" });
    all.addEventListener("click", () => { for (const each of stems) element("a", { href: each.url, download: `${each.name}.wav` }).click(); });
    const rating = element("select", { id: "rating" });
    for (let stars = 0; stars <= 5; stars += 1) rating.append(element("option", { value: stars, textContent: stars || "not rated" }));
    rating.value = facts.rating;
    rating.className = "short";
    rating.setAttribute("aria-label", "Rating");
    rating.addEventListener("change", () => send("PUT", `/v1/jobs/${job}/rating`, { rating: Number(rating.value) }));
    if (stems.length) parts.push(all);
    parts.push(rating);
    if (facts.kind === "generate") parts.push(...this.again());
    return element("div", { className: "tools" }, ...parts);
  }

  again() {
    const { job, manifest, stems } = this.result;
    const which = element("select", { className: "short" });
    which.setAttribute("aria-label", "Stem to make again");
    for (const each of stems) which.append(element("option", { value: each.name, textContent: each.name }));
    const said = element("span", { role: "status" });
    said.setAttribute("role", "status");
    const go = element("button", { type: "button", id: "again", textContent: "Make these bars again" });
    go.addEventListener("click", async () => {
      try {
        const made = await send("POST", "/v1/jobs", {
          kind: "generate", bpm: manifest.request.bpm, key: manifest.request.key, from: `job:${job}`,
          stems: [which.value], bar_range: `${this.firstBar.value}-${this.lastBar.value}`,
        }, { "Idempotency-Key": newKey() });
        said.textContent = `ordered as job ${made.job}`;
      } catch (error) {
        said.textContent = error.message;
      }
    });
    return [which, go, said];
  }

  draw(onlyIfMoved = false) {
    const at = this.deck.position / this.seconds;
    const pixel = Math.round(at * 2000);
    if (onlyIfMoved && pixel === this.drawnAt) return;
    this.drawnAt = pixel;
    const style = getComputedStyle(document.documentElement);
    for (const canvas of this.holder.querySelectorAll("canvas")) {
      const name = canvas.dataset.stem;
      const peaks = this.peaks.get(`${this.deck.heard}-${name}`) ?? [];
      const [width, height] = [canvas.clientWidth * devicePixelRatio, canvas.clientHeight * devicePixelRatio];
      if (!width) continue;
      [canvas.width, canvas.height] = [width, height];
      const paint = canvas.getContext("2d");
      paint.fillStyle = style.getPropertyValue("--line");
      for (const start of this.result.barTimes) paint.fillRect((start / this.seconds) * width, 0, devicePixelRatio, height);
      paint.fillStyle = style.getPropertyValue(`--${name}`) || style.getPropertyValue("--accent");
      peaks.forEach(([low, high], index) => {
        const top = (1 - Math.min(1, high)) * height / 2, bottom = (1 - Math.max(-1, low)) * height / 2;
        paint.fillRect((index / peaks.length) * width, top, Math.max(1, width / peaks.length - 0.5), Math.max(1, bottom - top));
      });
      paint.fillStyle = style.getPropertyValue("--text");
      paint.fillRect(at * width, 0, 2 * devicePixelRatio, height);
    }
  }
}
