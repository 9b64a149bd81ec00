// The secret of a set-up link follows its #, which no browser sends: it moves into the form, and out of
// the address and the history.

const field = document.querySelector("[data-from-hash]");

function take() {
  if (location.hash.length < 2) return;
  field.value = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  document.getElementById("name").focus();
}

addEventListener("hashchange", take);
take();
