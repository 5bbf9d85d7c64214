// Comfort on top of pages that work without it: what an approval will do is worked out while typing, references are
// copied with one press, and an answer that went wrong is brought into view.
"use strict";

document.documentElement.classList.add("has-script");

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

const problem = document.getElementById("problem");
if (problem) problem.focus();

const form = document.getElementById("approve");
if (form) {
  let timer = 0;
  let asked = 0;

  // The server prices; this page only shows its answer. An answer that was overtaken by another one is dropped.
  const workOut = async () => {
    const mine = asked;
    document.body.classList.add("is-working");
    try {
      const answer = await fetch(form.dataset.preview, {method: "POST", body: new FormData(form)});
      if (!answer.ok || mine !== asked) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine === asked) replace(fresh);
    } finally {
      if (mine === asked) document.body.classList.remove("is-working");
    }
  };

  const replace = (fresh) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (other) part.replaceChildren(...other.childNodes);
    }
  };

  // The reference of a transfer is asked for only where there is one.
  const byHand = form.querySelector(".by-hand");
  if (byHand) {
    const showByHand = () => { byHand.hidden = form.elements.payout.value !== "hand"; };
    form.addEventListener("change", showByHand);
    showByHand();
  }

  const soon = () => { asked += 1; clearTimeout(timer); timer = setTimeout(workOut, 250); };

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.form === form && !["note", "words"].includes(event.target.name)) soon();
    });
  }
}
