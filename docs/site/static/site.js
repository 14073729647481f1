/* Boxes that are wider than the screen scroll by keyboard, too. */
function makeReachable() {
  for (const box of document.querySelectorAll(".highlight pre, .table-wrapper, .picture")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}

makeReachable();
window.addEventListener("load", makeReachable);
window.addEventListener("resize", makeReachable);
