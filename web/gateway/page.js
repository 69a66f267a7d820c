// The local page of a gateway: shows its jobs, defers, withdraws, cancels. Talks to /api/v1 of the same gateway and to nothing else.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { status: null, jobs: [], deferrals: [], at: null };

const tones = {
  idle: "quiet", scheduled: "quiet", cancelled: "quiet", incompatible: "quiet",
  waiting_window: "wait", waiting_gateway: "wait", waiting_confirm: "wait", deferred: "wait",
  downloading: "move", downloaded: "move", installing: "move", rebooting: "move", verifying: "move",
  succeeded: "ok", failed: "bad", rolled_back: "bad", expired: "bad",
};
const order = { bad: 0, move: 1, wait: 2, quiet: 3, ok: 4 };
const ended = ["succeeded", "failed", "rolled_back", "cancelled", "expired", "incompatible"];

// --- words ---

function element(tag, className, text) {
  const out = document.createElement(tag);
  if (className) out.className = className;
  if (text !== undefined) out.textContent = text;
  return out;
}

// The clock of the site, whatever the zone of this screen is.
function inSite(shape, when) {
  const zone = state.status && state.status.time_zone;
  return new Intl.DateTimeFormat("en-GB", zone ? { ...shape, timeZone: zone } : shape).format(when);
}

function time(text) {
  if (!text) return "";
  const when = new Date(text);
  const day = { day: "numeric", month: "numeric", year: "numeric" };
  const shape = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    const today = inSite(day, new Date(state.status ? state.status.contact.now : Date.now())) === inSite(day, when);
    if (!today) Object.assign(shape, { weekday: "short", day: "numeric", month: "short" });
    return inSite(shape, when);
  } catch {
    return text;
  }
}

// "2026-11-30T18:00" on the clock of the site, as an instant. Where the clock is set forward over it, the hour after it.
function instantAt(typed) {
  const wanted = new Date(`${typed}Z`).getTime();
  const shape = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const shown = (at) => {
    const [, day, month, year, hour, minute] = inSite(shape, new Date(at)).match(/(\d+)\/(\d+)\/(\d+), (\d+):(\d+)/);
    return Date.UTC(year, month - 1, day, hour, minute);
  };
  let at = wanted;
  for (let turn = 0; turn < 2; turn += 1) at += wanted - shown(at);
  at += Math.max(0, wanted - shown(at));
  return new Date(at);
}

// One job a device: the one that is open, or else the newest.
function newest(jobs) {
  const best = new Map();
  const open = (job) => !ended.includes(job.state);
  for (const job of jobs) {
    const other = best.get(job.device);
    if (!other || open(job) > open(other) || (open(job) === open(other) && job.update_at > other.update_at)) best.set(job.device, job);
  }
  return [...best.values()];
}

function bytes(n) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i += 1; }
  return `${n >= 100 || i === 0 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

const words = (machine_word) => machine_word.replaceAll("_", " ");

// --- what is shown ---

function badge(word) {
  return element("span", `badge chip ${tones[word] || "quiet"}`, words(word));
}

function dot(tone) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", `i c-${tone}`);
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of [["cx", 8], ["cy", 8], ["r", 4.5], ["class", tone === "ok" || tone === "bad" ? "solid" : ""]])
    circle.setAttribute(name, value);
  svg.append(circle);
  return svg;
}

function button(text, className, act) {
  const out = element("button", `btn sm ${className}`, text);
  out.type = "button";
  out.addEventListener("click", act);
  return out;
}

function jobItem(job) {
  const item = element("li");
  item.dataset.job = job.id;
  const body = element("div");
  const row = element("div", "row");
  row.append(element("b", "", job.device), badge(job.state));
  body.append(row, element("div", "small dim-2", job.sentence));
  if (job.cause && !job.sentence.includes(job.cause.sentence)) body.append(element("div", "small dim-2", `cause: ${job.cause.sentence}`));
  const facts = [words(job.reason), job.versions];
  if (job.until) facts.push(`until ${time(job.until)}`);
  if (!ended.includes(job.state)) facts.push(`update time ${time(job.update_at)}`, `expires ${time(job.expires_at)}`);
  body.append(element("div", "small dim", facts.filter(Boolean).join(" · ")));
  const acts = element("div", "acts");
  if (job.may_defer) acts.append(button("Defer...", "", () => openDefer(job)));
  if (job.may_cancel) acts.append(button("Cancel...", "dan", () => openCancel(job)));
  if (acts.childElementCount) body.append(acts);
  item.append(dot(tones[job.state] || "quiet"), body);
  return item;
}

function deferralItem(deferral) {
  const item = element("li");
  const body = element("div");
  const what = deferral.device || deferral.assignment || "The whole site";
  body.append(element("b", "", deferral.until ? `${what} until ${time(deferral.until)}` : what));
  body.append(element("div", "small dim-2", [deferral.by && `by ${deferral.by}`, deferral.why].filter(Boolean).join(": ")));
  const acts = element("div", "acts");
  if (deferral.from === "site") acts.append(button("Withdraw", "", () => withdraw(deferral)));
  else body.append(element("div", "small dim", "from the server; it is withdrawn there"));
  if (acts.childElementCount) body.append(acts);
  item.append(dot("wait"), body);
  return item;
}

function showLink() {
  const { contact, reports_waiting, reports_set_aside: aside } = state.status;
  const silent = !contact.last || new Date(contact.now) - new Date(contact.last) > 120000;
  const held = state.status.reason !== null;
  $("link").className = `reason ${silent || held || (state.status.slow || []).length ? "warn" : "ok"}`;
  const waits = [reports_waiting ? ` ${reports_waiting} reports wait on disk.` : "", ...(state.status.slow || [])].join(" ").trimEnd();
  $("aside").hidden = !aside.length;
  $("aside").textContent = aside.map(({ report, why }) => `The server can not take the report ${report} (${why}); it is kept here.`).slice(0, 3).join(" ")
    + (aside.length > 3 ? ` So are ${aside.length - 3} more.` : "");
  if (!state.status.can_save) {
    $("link").className = "reason bad";
    $("link-say").textContent = "Nothing can be saved on this box (is its disk full?), so nothing goes on here. What is shown can be looked at, not changed.";
  } else if (held) $("link-say").textContent = `${state.status.sentence}.`;
  else if (!contact.clock_known) $("link-say").textContent = "The time is not known before the server has been heard; nothing new starts.";
  else if (!contact.last) $("link-say").textContent = "The server has not been heard since the start. Updates go on from this box." + waits;
  else if (silent) $("link-say").textContent = `No answer of the server since ${time(contact.last)}. Updates go on from this box.${waits}`;
  else $("link-say").textContent = `The server was heard at ${time(contact.last)}.${waits}`;
}

function showNext() {
  const open = state.jobs.filter((job) => !ended.includes(job.state));
  const waiting = open.filter((job) => job.may_defer).sort((a, b) => a.update_at.localeCompare(b.update_at));
  $("next-count").textContent = `${open.length} open`;
  $("defer-site").disabled = waiting.length === 0;
  if (open.length === 0) $("next-say").textContent = "Nothing is to be done.";
  else if (waiting.length === 0) $("next-say").textContent = "Every update has begun.";
  else $("next-say").textContent = `${waiting.length} of ${open.length} updates have not begun; the earliest begins at ${time(waiting[0].update_at)}.`;
}

function show() {
  const { status } = state;
  document.title = `${status.site || "Gateway"} - Dray`;
  $("site").textContent = status.site || "Gateway";
  $("clock").textContent = `${time(status.contact.now)}, ${status.time_zone}`;
  showLink();
  showNext();
  const tone = (job) => order[tones[job.state]] ?? 3;
  const jobs = newest(state.jobs).sort((a, b) => tone(a) - tone(b) || a.device.localeCompare(b.device));
  $("jobs").replaceChildren(...jobs.map(jobItem));
  $("devices-count").textContent = `${status.devices} devices, ${state.jobs.length} jobs, as of ${state.at.toLocaleTimeString()}`;
  $("deferrals").replaceChildren(...state.deferrals.map(deferralItem));
  $("deferrals-card").hidden = state.deferrals.length === 0;
  const { used, quota, artifacts } = status.storage;
  $("store").max = quota || 1;
  $("store").value = used;
  $("store-count").textContent = `${artifacts.length} artifacts verified`;
  $("store-say").textContent = `${bytes(used)} of ${bytes(quota)} used`;
}

// --- the gateway ---

async function call(method, path, body) {
  const init = { method, headers: { Accept: "application/json" } };
  if (body) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const answer = await fetch(`/api/v1${path}`, init);
  const text = await answer.text();
  const parsed = text ? JSON.parse(text) : null;
  if (!answer.ok) throw Object.assign(new Error((parsed && parsed.detail) || `the gateway answered ${answer.status}`), { body: parsed });
  return parsed;
}

async function look() {
  try {
    const [status, jobs, deferrals] = await Promise.all([call("GET", "/status"), call("GET", "/jobs"), call("GET", "/deferrals")]);
    Object.assign(state, { status, jobs: jobs.jobs, deferrals: deferrals.deferrals.filter((one) => one.stands), at: new Date() });
    show();
  } catch (error) {
    $("link").className = "reason bad";
    $("link-say").textContent = `The gateway does not answer: ${error.message}. What is shown is old.`;
  }
}

async function withdraw(deferral) {
  try {
    await call("DELETE", `/deferrals/${encodeURIComponent(deferral.id)}`);
  } catch (error) {
    $("link-say").textContent = error.message;
  }
  await look();
}

// --- dialogs ---

let asked = null;  // the job, or null for the site

function remember(field) {
  try { field.value = field.value || localStorage.getItem("dray.by") || ""; } catch { /* private windows have none */ }
}
function keep(name) {
  try { localStorage.setItem("dray.by", name); } catch { /* the same */ }
}

function openDefer(job) {
  asked = job;
  const meant = state.jobs.filter((one) => one.may_defer && (!job || one.device === job.device));
  $("defer-h").textContent = job ? `Defer ${job.device}` : "Defer the whole site";
  $("defer-effect").textContent = `${meant.length} update${meant.length === 1 ? "" : "s"} that have not begun would wait. The new time stays until it is withdrawn.`;
  $("defer-error").textContent = "";
  $("defer-accept").checked = false;
  remember($("defer-by"));
  $("defer-dialog").showModal();
}

function openCancel(job) {
  asked = job;
  $("cancel-h").textContent = `Cancel the update of ${job.device}?`;
  $("cancel-effect").textContent = `1 device keeps its old software. This is final for this rollout; it is too late once the device switches over.`;
  $("cancel-error").textContent = "";
  remember($("cancel-by"));
  $("cancel-dialog").showModal();
}

function wantedUntil() {
  const span = Number($("defer-for").value);
  if (span > 0) return new Date(new Date(state.status.contact.now).getTime() + span * 1000).toISOString();
  if (!$("defer-until").value) throw new Error("Say until when.");
  return instantAt($("defer-until").value).toISOString();
}

async function submitDefer(event) {
  event.preventDefault();
  try {
    await call("POST", "/deferrals", {
      device: asked ? asked.device : null, assignment: null, until: wantedUntil(),
      by: $("defer-by").value, why: $("defer-why").value, accept_expiry: $("defer-accept").checked,
    });
    keep($("defer-by").value);
    $("defer-dialog").close();
    await look();
  } catch (error) {
    const latest = error.body && error.body.latest_possible;
    $("defer-error").textContent = error.message + (latest ? ` The latest possible time is ${time(latest)}.` : "");
  }
}

async function submitCancel(event) {
  event.preventDefault();
  try {
    await call("POST", `/jobs/${encodeURIComponent(asked.id)}/cancel`, { by: $("cancel-by").value, why: $("cancel-why").value });
    keep($("cancel-by").value);
    $("cancel-dialog").close();
    await look();
  } catch (error) {
    $("cancel-error").textContent = error.message;
  }
}

// --- start ---

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
}

$("theme").addEventListener("click", theme);
$("defer-until").addEventListener("input", () => { $("defer-for").value = $("defer-until").value ? "0" : $("defer-for").value; });
$("defer-site").addEventListener("click", () => openDefer(null));
$("defer-dialog").querySelector("form").addEventListener("submit", submitDefer);
$("cancel-dialog").querySelector("form").addEventListener("submit", submitCancel);
for (const close of document.querySelectorAll("[data-close]")) close.addEventListener("click", () => close.closest("dialog").close());
$("here").textContent = location.origin;
look();
setInterval(() => { if (!document.hidden) look(); }, 3000);
