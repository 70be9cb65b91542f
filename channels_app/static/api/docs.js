// Draws the API's description. A key typed here stays in this page and is gone with it.
"use strict";

const place = document.getElementById("api-docs");

window.SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  persistAuthorization: false,
  // Ours is the only server, and no validator of somebody else's is asked.
  validatorUrl: null,
});
