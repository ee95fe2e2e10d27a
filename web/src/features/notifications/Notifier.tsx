/**
 * Tells the reader of new messages: the page's title, a notification of the system, a sound.
 * Shows nothing itself.
 */
import { useEffect } from "react";
import type { Incoming } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { useClient, useStore } from "../context/client";
import { useGo, useRoute } from "../context/navigation";
import { previewText } from "../conversations/preview";
import { nameOf, titleOf } from "../people/people";
import { pathOf } from "../context/route";
import type { Route } from "../context/route";
import { usePermission } from "./permission";
import { pageTitle, tellingOf } from "./rules";
import { playSound } from "./sound";
import { showNotification } from "./system";

const TITLE_PAUSE_MS = 150;

export function Notifier() {
  useTitle();
  const t = useT();
  const client = useClient();
  const go = useGo();
  const route = useRoute();
  const permission = usePermission();
  const { sound } = useStore(client.preferences.state);
  const openId = route.page === "conversation" ? route.conversationId : undefined;
  useEffect(
    () =>
      client.notifications.onIncoming((incoming) => {
        const telling = tellingOf({
          notify: incoming.notify,
          leader: incoming.leader,
          attentive: document.visibilityState === "visible" && document.hasFocus(),
          onScreen: incoming.conversation.conversationId === openId,
          permission,
          soundOn: sound,
        });
        if (telling.sound) playSound();
        if (telling.system) show(incoming);
      }),
  );

  function show({ conversation, message }: Incoming) {
    const people = client.users.all.getSnapshot();
    const sender = nameOf(people, message.senderId, t);
    const title = conversation.kind === "direct" ? sender : t("notification.title", { name: sender, title: titleOf(conversation, people, t) });
    const body = previewText({ body: message.body, attachments: message.attachments, deleted: false }, t);
    const to: Route = { page: "conversation", conversationId: conversation.conversationId };
    // A browser that refuses after all has nothing to show: the badge and the title tell as well.
    showNotification({ title, body, path: pathOf(to) }, () => go(to)).catch(() => undefined);
  }
  return null;
}

/** The title follows a moment later: what is read as it arrives does not flicker in the tab. */
function useTitle(): void {
  const client = useClient();
  const { unread, mentions } = useStore(client.conversations.list);
  const session = useStore(client.session.state);
  const name = session.kind === "loggedIn" ? session.server?.name : undefined;
  const plain = name === undefined || name === "" ? "DynamoWave Chat" : name;
  const title = pageTitle(plain, unread, mentions);
  useEffect(() => {
    const timer = setTimeout(() => {
      document.title = title;
    }, TITLE_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [title]);
  useEffect(
    () => () => {
      document.title = plain;
    },
    [plain],
  );
}
