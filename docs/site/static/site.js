/* Tables and boxes that are wider than the screen. */
const MOST_COLUMNS = 4;

/* A table of few columns that doesn't fit shows its cells below each other, each with the heading of its column. */
function stackTables() {
  for (const table of document.querySelectorAll(".table-wrapper > table")) {
    table.classList.remove("stacked");
    const headings = [...table.querySelectorAll("thead th, thead td")].map((heading) => heading.textContent.trim());
    const box = table.parentElement;
    if (headings.length > MOST_COLUMNS || box.scrollWidth <= box.clientWidth) continue;
    table.classList.add("stacked");
    for (const row of table.querySelectorAll("tbody tr"))
      [...row.cells].forEach((cell, column) => {
        cell.dataset.heading = headings[column];
        cell.classList.toggle("blank", !cell.textContent.trim());
      });
  }
}

/* A box that scrolls is reached by keyboard, too. */
function makeReachable() {
  for (const box of document.querySelectorAll(".highlight pre, .table-wrapper, .picture")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

function fit() {
  stackTables();
  makeReachable();
}

fit();
window.addEventListener("load", () => {
  fit();
  // The part of the page that the address names may have moved.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
});
window.addEventListener("resize", fit);
