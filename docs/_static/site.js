// What the theme's pages lack for those who hear them or use no mouse.
document.addEventListener("DOMContentLoaded", () => {
  // a fold of the navigation says what it is
  for (const fold of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    const page = fold.closest("li")?.querySelector("a")?.textContent.trim();
    fold.setAttribute("aria-label", page ? `Pages of ${page}` : "Pages below");
  }
  // the name of a button holds the text that is seen, and stays where a narrow screen hides that
  for (const button of document.querySelectorAll(".search-button-field[aria-label]")) {
    button.setAttribute("aria-label", button.textContent.replace(/\s+/g, " ").trim());
  }
  // parameters of a signature are lines, not definitions
  for (const list of document.querySelectorAll("dt.sig dl")) {
    list.setAttribute("role", "none");
    for (const line of list.children) line.setAttribute("role", "none");
  }
  // what scrolls sideways can be reached by keys
  const reachable = () => {
    for (const box of document.querySelectorAll(".pst-scrollable-table-container, div.math, .highlight pre, .rheobase")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    }
  };
  reachable();
  window.addEventListener("load", () => setTimeout(reachable, 500));
  window.addEventListener("resize", reachable);
});
