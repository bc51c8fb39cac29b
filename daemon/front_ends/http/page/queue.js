// The jobs that wait or run, and the library: both follow the events of the daemon.
import { ask, element } from "./api.js";

const PAGE = 20;

export class Jobs {
  constructor(queue, empty, library, more, status, choose) {
    Object.assign(this, { queue, empty, library, more, status, choose });
    this.jobs = new Map();
    this.offset = 0;
    more.addEventListener("click", () => this.load());
  }

  start() {
    const source = new EventSource("/v1/events");
    // Listed once the events come, and again after each break: nothing falls in between.
    source.addEventListener("open", async () => {
      this.offset = 0;
      await this.load();
      this.status.textContent = "connected";
    });
    source.addEventListener("error", () => { this.status.textContent = "the daemon does not answer; trying again"; });
    for (const name of ["queued", "started", "stem", "finished"]) {
      source.addEventListener(name, (event) => this.look(JSON.parse(event.data).job));
    }
    source.addEventListener("progress", (event) => {
      const { job, stage, fraction, eta_seconds } = JSON.parse(event.data);
      const known = this.jobs.get(job);
      if (known) this.put({ ...known, state: "running", stage, fraction, eta_seconds });
    });
  }

  async load() {
    const { jobs, total } = await ask(`/v1/jobs?offset=${this.offset}&limit=${PAGE}`);
    this.offset += jobs.length;
    this.more.hidden = this.offset >= total;
    for (const job of jobs) this.put(job);
  }

  async look(number) {
    this.put(await ask(`/v1/jobs/${number}`));
  }

  put(job) {
    const before = document.getElementById(`job-${job.job}`);
    const hadFocus = before?.contains(document.activeElement);
    this.jobs.set(job.job, job);
    const isOpen = job.state === "queued" || job.state === "running";
    const item = isOpen ? this.waiting(job, before) : this.ended(job);
    if (item !== before) {
      before?.remove();
      const list = isOpen ? this.queue : this.library;
      const after = [...list.children].find((each) => Number(each.dataset.job) < job.job);
      list.insertBefore(item, isOpen ? null : after ?? null);
      if (hadFocus) item.querySelector("button")?.focus();
    }
    this.empty.hidden = this.queue.children.length > 0;
  }

  waiting(job, before) {
    const item = before?.parentElement === this.queue ? before : this.item(job);
    if (item !== before) {
      const bar = element("progress", { max: 1 });
      bar.setAttribute("aria-label", `progress of job ${job.job}`);
      const cancel = element("button", { type: "button", textContent: "Cancel" });
      cancel.setAttribute("aria-label", `Cancel job ${job.job}`);
      cancel.addEventListener("click", () => ask(`/v1/jobs/${job.job}`, { method: "DELETE" }));
      item.append(element("span", { className: "stage" }), bar, cancel);
    }
    item.querySelector("progress").value = job.fraction;
    const left = job.eta_seconds > 0 ? `, ${Math.ceil(job.eta_seconds)} s left` : "";
    item.querySelector(".stage").textContent = job.state === "queued" ? "waits" : (job.stage || "starts") + left;
    return item;
  }

  ended(job) {
    const item = this.item(job);
    if (job.has_files) {
      const open = element("button", { type: "button", textContent: "Open" });
      open.setAttribute("aria-label", `Open job ${job.job}`);
      open.addEventListener("click", () => this.choose(job.job, 0));
      const compare = element("button", { type: "button", textContent: "As B" });
      compare.setAttribute("aria-label", `Compare with job ${job.job} as B`);
      compare.addEventListener("click", () => this.choose(job.job, 1));
      item.append(open, compare);
    } else {
      item.append(element("span", { textContent: job.message || job.state }));
    }
    return item;
  }

  item(job) {
    const words = [`${job.job}`, job.style, job.key, job.bpm ? `${job.bpm} bpm` : "", job.bars ? `${job.bars} bars` : ""];
    const item = element("li", { id: `job-${job.job}` },
      element("span", { className: "what", textContent: words.filter(Boolean).join(" · ") }));
    item.dataset.job = job.job;
    return item;
  }
}
