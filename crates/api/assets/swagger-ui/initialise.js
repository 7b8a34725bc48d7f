// Starts Swagger UI on the document that the page names. A file of its own, so that no inline script is needed.
(() => {
  const place = document.getElementById("swagger-ui");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const followScheme = () => document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
  followScheme();
  prefersDark.addEventListener("change", followScheme);

  // `/docs?version=2` shows the document of version 2.
  const described = new URL(place.dataset.document, document.location.href);
  const version = new URLSearchParams(document.location.search).get("version");
  if (version) described.searchParams.set("version", version);

  SwaggerUIBundle({
    domNode: place,
    url: described.href,
    deepLinking: true,
    displayRequestDuration: true,
    persistAuthorization: false,
    tryItOutEnabled: true,
    // The online validator would send the document to a foreign host.
    validatorUrl: null,
    onComplete: () => {
      const title = place.querySelector(".info .title");
      if (title) document.title = title.firstChild.textContent.trim();
    },
  });
})();
