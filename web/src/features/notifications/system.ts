/**
 * A notification of the system: by the service worker where there is one, because phones allow no other, else by the page.
 * One for each conversation: a newer one replaces the older.
 */
export interface SystemNotification {
  readonly title: string;
  readonly body: string;
  /** Address of what it is about. */
  readonly path: string;
}

const ICON = "/icon.svg";

export async function showNotification({ title, body, path }: SystemNotification, open: () => void): Promise<void> {
  const options = { body, tag: path, icon: ICON, silent: true, data: { path } };
  const worker = await registration();
  if (worker !== undefined) {
    await worker.showNotification(title, options);
    return;
  }
  const notification = new Notification(title, options);
  notification.onclick = () => {
    window.focus();
    open();
    notification.close();
  };
}

async function registration(): Promise<ServiceWorkerRegistration | undefined> {
  const { serviceWorker } = navigator as { serviceWorker?: ServiceWorkerContainer };
  const found = await serviceWorker?.getRegistration();
  return found?.active === null ? undefined : found;
}
