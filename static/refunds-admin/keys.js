// In a list, the arrows go from row to row, and Home and End to the first and the last. Enter opens, as on every link.
"use strict";

const links = [...document.querySelectorAll("#result_list a.reference, #result_list th a, #result_list td:first-of-type a")];

if (links.length) {
  // Without a mouse the first row is one key away: accesskey o, as s leads to the search.
  links[0].accessKey = "o";
  document.addEventListener("keydown", (event) => {
    const here = links.indexOf(document.activeElement);
    const to = {ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: links.length - 1}[event.key];
    if (here < 0 || to === undefined || !links[to]) return;
    event.preventDefault();
    links[to].focus();
  });
}
