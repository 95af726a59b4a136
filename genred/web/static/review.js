"use strict";

// Keys press the buttons that the page has, answers are sent without leaving the page, and what was heard plays.
// Without this script, the same forms do the same.

const page = () => document.getElementById("review");
const cards = () => [...document.querySelectorAll(".card")];

// -- the question at hand ---------------------------------------------------------------------------------------------

let at = 0;

function current() {
  const all = cards();
  const focused = document.activeElement?.closest(".card") ??
    document.activeElement?.closest("details")?.querySelector(".card");
  if (focused) at = all.indexOf(focused);
  at = Math.max(0, Math.min(at, all.length - 1));
  return all[at];
}

// Of the tracks, one is open at a time.
function go(step) {
  current();
  const all = cards();
  const card = all[Math.max(0, Math.min(at + step, all.length - 1))];
  if (!card) return;
  at = all.indexOf(card);
  const around = card.closest("details");
  for (const other of document.querySelectorAll(".tracks details[open]")) if (other !== around) other.open = false;
  if (around) around.open = true;
  card.focus();
  card.scrollIntoView({ block: "nearest" });
}

// From a track to the question about its album, and from there to its first track.
function change() {
  const card = current();
  const whole = card?.closest(".tracks")?.previousElementSibling;
  if (whole) go(cards().indexOf(whole) - at);
  else if (card?.nextElementSibling?.matches(".tracks")) go(1);
}

// -- what was heard ---------------------------------------------------------------------------------------------------

const player = new Audio();
let playing = null;

function show(button, is_on) {
  button.setAttribute("aria-pressed", is_on);
  button.firstElementChild.textContent = is_on ? "■" : "▶";
}

function stop() {
  player.pause();
  player.removeAttribute("src");
  if (playing) show(playing, false);
  playing = null;
}

function toggle(button) {
  const was = playing;
  stop();
  if (was === button) return;
  playing = button;
  show(button, true);
  player.src = button.dataset.src;
  player.play().catch((error) => {
    if (error.name === "AbortError") return;
    stop();
    tell("It can't be played.");
  });
}

player.addEventListener("ended", stop);

function tell(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("told")?.replaceChildren(line);
  document.getElementById("said")?.classList.add("said");
}

// -- answers ----------------------------------------------------------------------------------------------------------

let busy = false;

async function send(form, button) {
  if (busy) return;
  busy = true;
  stop();
  page().setAttribute("aria-busy", "true");
  const body = new URLSearchParams(new FormData(form, button));
  try {
    await turn(await fetch(form.action, { method: "POST", body }));
  } catch {
    tell("genred can't be reached. Try again.");
  } finally {
    busy = false;
    page().removeAttribute("aria-busy");
  }
}

// The part of the page that is about the question is replaced; the line that tells stays, so that it is read out.
async function turn(answer) {
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const part = next.getElementById("review");
  if (!part) {
    location.assign(answer.url);
    return;
  }
  const told = document.getElementById("told");
  const news = next.getElementById("told");
  if (told && news) {
    const lines = [...news.childNodes];
    news.replaceWith(told);
    page().replaceWith(part);
    told.replaceChildren(...lines);
  } else {
    page().replaceWith(part);
  }
  document.title = next.title;
  if (answer.redirected) history.replaceState(null, "", answer.url);
  ready();
  at = 0;
  scrollTo(0, 0);
  (cards()[0] ?? document.querySelector("#review a"))?.focus({ preventScroll: true });
}

addEventListener("submit", (event) => {
  if (!event.target.closest("#review") || event.target.method !== "post") return;
  event.preventDefault();
  send(event.target, event.submitter);
});

addEventListener("click", (event) => {
  const button = event.target.closest?.(".play");
  if (button) toggle(button);
});

// -- keys -------------------------------------------------------------------------------------------------------------

const keys = {
  Enter: () => current()?.querySelector("button.main")?.click(),
  g: () => current()?.querySelector("input[name=typed]")?.focus(),
  s: () => current()?.querySelector(".skips")?.click(),
  p: () => { const button = current()?.querySelector(".play"); if (button) toggle(button); },
  u: () => document.querySelector("#undo button")?.click(),
  n: () => { if (page().dataset.next) location.assign(page().dataset.next); },
  a: change,
  j: () => go(1),
  k: () => go(-1),
  ArrowDown: () => go(1),
  ArrowUp: () => go(-1),
  "?": () => document.getElementById("help")?.showModal(),
};
for (let number = 1; number <= 5; number += 1) {
  keys[number] = () => current()?.querySelector(`[data-key="${number}"]`)?.click();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  const target = event.target;
  if (target.matches("input, select, textarea")) {
    if (event.key === "Escape") { target.value = ""; current()?.focus(); }
    return;
  }
  if (event.key === "Enter" && target.matches("a, button, summary")) return;
  if (event.key.startsWith("Arrow") && !target.matches(".card, .card *")) return;
  const act = keys[event.key];
  if (!act || !cards().length && event.key !== "u") return;
  event.preventDefault();
  act();
});

// -- the beginning ----------------------------------------------------------------------------------------------------

function ready() {
  for (const hidden of document.querySelectorAll(".play[hidden], .keyline[hidden]")) hidden.hidden = false;
}

ready();
if (document.querySelector("#told p")) {
  // Read out on a page that was just loaded, too.
  const told = document.getElementById("told");
  const lines = [...told.childNodes];
  told.replaceChildren();
  setTimeout(() => told.replaceChildren(...lines), 100);
}
cards()[0]?.focus({ preventScroll: true });
