// What is confirmed in a disclosure without a script is confirmed in a dialog with one.

export function raise(summary) {
  const disclosure = summary.parentElement;
  const panel = disclosure.querySelector(".panel");
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", panel.dataset.title);
  dialog.append(panel);
  disclosure.append(dialog);
  disclosure.open = true;
  dialog.addEventListener("close", () => {
    disclosure.append(panel);
    dialog.remove();
    disclosure.open = false;
    summary.focus();
  });
  dialog.showModal();
}

export function close(button) {
  button.closest("dialog")?.close();
}
