// Comfort on top of pages that work without any script.

import * as confirming from "./confirm.js";
import * as copying from "./copy.js";
import * as countdown from "./countdown.js";
import * as theme from "./theme.js";

function tell(sentence) {
  document.getElementById("told").textContent = sentence;
}

document.addEventListener("click", (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied) return copying.copy(copied, tell);
  const summary = event.target.closest(".confirm > summary");
  if (summary) {
    event.preventDefault();
    return confirming.raise(summary);
  }
  const cancel = event.target.closest("dialog .cancel");
  if (cancel) return confirming.close(cancel);
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!event.target.matches("form[data-theme-switch]") || button.dataset.tried) return;
  event.preventDefault();
  // Should it fail, the form is sent as it would be without a script.
  button.dataset.tried = "yes";
  theme.choose(event.target, button).finally(() => delete button.dataset.tried);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector(".menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// htmx asks in our name: the token that our forms carry goes with it.
document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]');
  if (token) event.detail.ctx.request.headers["X-CSRFToken"] = token.content;
});

// What stood there may be of an older text, and an answer that failed is a page of its own.
function sayFailed(event) {
  const target = event.detail.ctx?.target;
  if (!target?.dataset?.failed) return;
  const notice = document.createElement("div");
  const sentence = document.createElement("p");
  notice.className = "notice warn";
  sentence.className = "text";
  sentence.textContent = target.dataset.failed;
  notice.append(sentence);
  target.replaceChildren(notice);
}

document.addEventListener("htmx:response:error", sayFailed);
document.addEventListener("htmx:error", sayFailed);

document.addEventListener("htmx:after:swap", () => copying.reveal(document));

// On a phone the rail is wider than the window: show where we are in it.
function showCurrent(rail) {
  const current = rail?.querySelector("[aria-current]");
  if (current) rail.scrollLeft = current.offsetLeft - (rail.clientWidth - current.offsetWidth) / 2;
}

showCurrent(document.querySelector(".rail ul"));
copying.reveal(document);
countdown.begin(document, tell);
document.querySelector("[data-takes-focus]")?.focus();
