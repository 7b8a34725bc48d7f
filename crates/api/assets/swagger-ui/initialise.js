// Starts Swagger UI on the document that the page names. A file of its own, so that no inline script is needed.
(() => {
  const place = document.getElementById("swagger-ui");
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const followScheme = () => document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
  followScheme();
  prefersDark.addEventListener("change", followScheme);

  SwaggerUIBundle({
    domNode: place,
    url: new URL(place.dataset.document, document.location.href).href,
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
