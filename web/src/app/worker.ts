/**
 * Starts the service worker, which keeps the app's own files for times without a network.
 * Does nothing in development, where files change under it.
 */
export function keepAssets(): void {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  if (!import.meta.env.PROD || serviceWorker === undefined) return;
  // Trusted types ask for a policy where a script is named; this one allows one name.
  serviceWorker
    .register(trusted("/worker.js") as string, { scope: "/", updateViaCache: "none" })
    .then(() => serviceWorker.ready)
    .then(({ active }) => active?.postMessage({ type: "keep", paths: loadedAssets() }))
    .catch(() => undefined);
}

/** What this page loaded before the worker was there to see it. */
function loadedAssets(): string[] {
  const paths = performance.getEntriesByType("resource").map((entry) => new URL(entry.name).pathname);
  return paths.filter((path) => path.startsWith("/assets/"));
}

/** A click on a notification, which the worker hears, opens its conversation here. */
export function openAsTold(open: (path: string) => void): void {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  serviceWorker?.addEventListener("message", (event: MessageEvent<{ type?: string; path?: string }>) => {
    const { type, path } = event.data;
    if (type === "open" && path?.startsWith("/") === true) open(path);
  });
}

interface TrustedTypes {
  createPolicy: (name: string, rules: { createScriptURL: (url: string) => string }) => { createScriptURL: (url: string) => unknown };
}

function trusted(url: string): unknown {
  const { trustedTypes } = window as { trustedTypes?: TrustedTypes };
  const policy = trustedTypes?.createPolicy("dynamowave-worker", {
    createScriptURL(given) {
      if (given !== "/worker.js") throw new TypeError("Only the app's own worker.");
      return given;
    },
  });
  return policy?.createScriptURL(url) ?? url;
}
