// Stems that play together to the sample: all start at one time of one audio clock.

const AHEAD_SECONDS = 0.08; // until a start, so that all sources are ready for it
const FADE_SECONDS = 0.008;

export class Deck {
  constructor(context) {
    this.context = context;
    this.sides = [new Map(), new Map()]; // A and B: stem name -> { buffer, gain, level, muted, solo }
    this.outputs = this.sides.map(() => {
      const gain = context.createGain();
      gain.connect(context.destination);
      return gain;
    });
    this.heard = 0;
    this.outputs[1].gain.value = 0;
    this.sources = [];
    this.offset = 0; // seconds of the music at `began` on the context's clock
    this.began = 0;
    this.playing = false;
    this.loop = null; // [start, end] in seconds
  }

  async load(side, name, url) {
    const response = await fetch(url);
    const buffer = await this.context.decodeAudioData(await response.arrayBuffer());
    const gain = this.context.createGain();
    gain.connect(this.outputs[side]);
    this.sides[side].set(name, { buffer, gain, level: 1, muted: false, solo: false });
  }

  clear(side) {
    this.stop();
    for (const stem of this.sides[side].values()) stem.gain.disconnect();
    this.sides[side].clear();
  }

  get seconds() {
    return Math.max(0, ...this.sides.flatMap((side) => [...side.values()].map((stem) => stem.buffer.duration)));
  }

  get position() {
    if (!this.playing) return this.offset;
    let at = this.offset + Math.max(0, this.context.currentTime - this.began);
    if (this.loop && at > this.loop[1]) {
      const [start, end] = this.loop;
      at = start + ((at - start) % (end - start));
    }
    return Math.min(at, this.seconds);
  }

  async play() {
    if (this.playing || !this.seconds) return;
    await this.context.resume();
    if (this.offset >= this.seconds || (this.loop && this.offset >= this.loop[1])) this.offset = this.loop?.[0] ?? 0;
    const when = this.context.currentTime + AHEAD_SECONDS;
    for (const side of this.sides) {
      for (const [name, stem] of side) {
        const source = this.context.createBufferSource();
        source.buffer = stem.buffer;
        if (this.loop) [source.loop, source.loopStart, source.loopEnd] = [true, ...this.loop];
        source.connect(stem.gain);
        source.start(when, this.offset);
        this.sources.push({ source, name, when, offset: this.offset });
      }
    }
    this.began = when;
    this.playing = true;
  }

  stop() {
    this.offset = this.position;
    for (const { source } of this.sources) {
      source.stop();
      source.disconnect();
    }
    this.sources = [];
    this.playing = false;
  }

  async seek(seconds) {
    const wasPlaying = this.playing;
    this.stop();
    this.offset = Math.min(Math.max(0, seconds), this.seconds);
    if (wasPlaying) await this.play();
  }

  async setLoop(range) {
    const wasPlaying = this.playing;
    this.stop();
    this.loop = range;
    if (wasPlaying) await this.play();
  }

  mix() {
    for (const side of this.sides) {
      const anySolo = [...side.values()].some((stem) => stem.solo);
      for (const stem of side.values()) {
        const level = stem.muted || (anySolo && !stem.solo) ? 0 : stem.level;
        stem.gain.gain.setTargetAtTime(level, this.context.currentTime, FADE_SECONDS);
      }
    }
  }

  hear(side) {
    this.heard = side;
    this.outputs.forEach((gain, at) =>
      gain.gain.setTargetAtTime(at === side ? 1 : 0, this.context.currentTime, FADE_SECONDS));
  }
}
