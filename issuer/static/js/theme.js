// The theme changes where it is chosen; without a script the form brings the page back in it.

export async function choose(form, button) {
  const body = new URLSearchParams(new FormData(form));
  body.set("theme", button.value);
  const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" });
  if (answer.type !== "opaqueredirect") return form.requestSubmit(button);
  const root = document.documentElement;
  if (button.value === "system") delete root.dataset.theme;
  else root.dataset.theme = button.value;
  for (const each of form.querySelectorAll("button")) each.setAttribute("aria-pressed", String(each === button));
}
