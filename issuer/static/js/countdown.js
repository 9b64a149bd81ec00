// How long to wait counts down. Said aloud once, when it is over: a voice for each second would drown the page.

export function begin(root, tell) {
  for (const notice of root.querySelectorAll("[data-countdown]")) count(notice, tell);
}

function count(notice, tell) {
  const endsAt = Date.now() + Number(notice.dataset.countdown) * 1000;
  const timer = setInterval(() => {
    // By the clock, not by ticks: a page in the background gets few of them.
    const left = Math.ceil((endsAt - Date.now()) / 1000);
    if (left > 0) return (notice.querySelector("span").textContent = words(left));
    clearInterval(timer);
    notice.querySelector("p").textContent = notice.dataset.over;
    notice.classList.replace("warn", "ok");
    tell(notice.dataset.over);
  }, 250);
}

function words(seconds) {
  return [[Math.floor(seconds / 60), "min"], [seconds % 60, "s"]]
    .filter(([number]) => number)
    .map((each) => each.join(" "))
    .join(" ");
}
