// The page: an order form, the queue, the library and a player.
import { Jobs } from "./queue.js";
import { makeForm } from "./order.js";
import { Player } from "./player.js";

const by = (id) => document.getElementById(id);
const player = new Player(by("player"), by("result-empty"), by("result-heading"));
const jobs = new Jobs(by("queue"), by("queue-empty"), by("library"), by("more"), by("status"), async (job, side) => {
  try {
    await player.open(job, side);
    by("result").focus();
  } catch (error) {
    by("result-heading").textContent = `Player: job ${job} cannot be opened: ${error.message}`;
  }
});

makeForm(by("order"), by("fields"), by("order-error"), (job) => jobs.look(job.job)).catch((error) => {
  by("order-error").textContent = error.message;
});
jobs.start();
