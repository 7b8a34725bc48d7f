// Starts ReDoc on the document that the page names. A file of its own, so that no inline script is needed.
(() => {
  const place = document.getElementById("reference");
  // The fonts of the system: the bundle's default theme names web fonts that only a foreign host would have.
  const text = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';
  const code = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';
  const options = {
    expandResponses: "200,201",
    hideHostname: true,
    nativeScrollbars: true,
    requiredPropsFirst: true,
    theme: { typography: { fontFamily: text, headings: { fontFamily: text }, code: { fontFamily: code } } },
  };
  // `/redoc?version=2` shows the document of version 2.
  const described = new URL(place.dataset.document, document.location.href);
  const version = new URLSearchParams(document.location.search).get("version");
  if (version) described.searchParams.set("version", version);
  Redoc.init(described.href, options, place, () => {
    const title = place.querySelector(".api-info h1");
    if (title) document.title = title.textContent.trim();
  });
})();
