// Sessions, page views, clicks, errors, replay and traces of this page, sent by HyperDX's SDK over OTLP.
// What a customer types never leaves in a recording: inputs are masked, and so is text of class "private".
'use strict';

const shopMeta = document.querySelector('meta[name="shop"]');
const shop = { ...shopMeta.dataset };
shopMeta.remove(); // the token is not part of a recording

// Where an extension blocks the SDK, the shop sells all the same.
window.HyperDX ??= { init() {}, getSessionId() {}, setGlobalAttributes() {}, addAction() {}, recordException() {} };

HyperDX.init({
  service: 'shop-web',
  apiKey: shop.token,
  url: shop.otlp,
  maskAllInputs: true,
  maskAllText: false,
  maskClass: 'private',
  consoleCapture: true,
  advancedNetworkCapture: false, // bodies hold what was typed
  disableIntercom: true,
  tracePropagationTargets: [location.origin],
  otelResourceAttributes: {
    'service.namespace': 'shop',
    'service.version': shop.version,
    'deployment.environment.name': shop.environment,
  },
});
