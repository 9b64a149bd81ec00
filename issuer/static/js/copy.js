// Copy buttons: the server writes them hidden, for without a script they could do nothing.

const TOLD_MILLISECONDS = 2000;

export function reveal(root) {
  for (const button of root.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
}

export async function copy(button, tell) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Without https there is no clipboard: select the text, so that one key does it.
    const shown = button.parentElement.querySelector("code");
    if (shown) getSelection().selectAllChildren(shown);
    tell("Not copied: the browser allows it on secure pages only. The text is selected.");
    return;
  }
  button.classList.add("is-copied");
  tell("Copied");
  setTimeout(() => button.classList.remove("is-copied"), TOLD_MILLISECONDS);
}
