/**
 * The buttons of a message: quick reactions, reply, and a menu with the rest, as far as it is allowed.
 * Acts through the core and through the page's dialogs.
 */
import { Copy, Ellipsis, Eye, History, Link2, Pencil, Reply, SmilePlus, Trash2 } from "lucide-react";
import { useState } from "react";
import type { ConversationId, MessageItem } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { Menu, MenuItem, MenuSeparator } from "../../ui/Menu";
import { useToast } from "../../ui/Toasts";
import { pathOf } from "../context/route";
import { EmojiPopover } from "../emoji/EmojiPopover";
import { allowedOn } from "./actions";
import type { MessageActions, Place } from "./actions";
import styles from "./MessageToolbar.module.css";
import { useToggleReaction } from "./Reactions";

const QUICK = ["👍", "❤️", "😂"] as const;

export interface MessageToolbarProps {
  item: MessageItem;
  conversationId: ConversationId;
  actions: MessageActions;
  place: Place | undefined;
}

export function MessageToolbar({ item, conversationId, actions, place }: MessageToolbarProps) {
  const t = useT();
  const allowed = allowedOn(item, place);
  const toggle = useToggleReaction(conversationId);
  return (
    <div className={styles.toolbar} role="toolbar" aria-label={t("message.actions")}>
      {allowed.react ? (
        <>
          {QUICK.map((emoji) => (
            <span key={emoji} className={styles.quick}>
              <IconButton small label={t("reactions.with", { emoji })} onClick={() => toggle(item, emoji)}>
                <span aria-hidden="true">{emoji}</span>
              </IconButton>
            </span>
          ))}
          <EmojiPopover label={t("reactions.add")} icon={<SmilePlus />} small onPick={(emoji) => toggle(item, emoji)} />
        </>
      ) : null}
      {allowed.reply ? (
        <IconButton small label={t("message.reply")} onClick={() => actions.reply(item)}>
          <Reply className="mirror-in-rtl" />
        </IconButton>
      ) : null}
      {allowed.edit ? (
        <IconButton small label={t("message.edit")} onClick={() => actions.edit(item)}>
          <Pencil />
        </IconButton>
      ) : null}
      <MoreMenu item={item} conversationId={conversationId} actions={actions} place={place} />
    </div>
  );
}

function MoreMenu({ item, conversationId, actions, place }: MessageToolbarProps) {
  const t = useT();
  const toast = useToast();
  const [open, setOpen] = useState(false);
  const allowed = allowedOn(item, place);
  const copy = (text: string) =>
    void navigator.clipboard.writeText(text).then(
      () => toast({ text: t("action.copied") }),
      () => toast({ text: t("action.copyFailed"), tone: "danger" }),
    );
  const link = () => {
    const path = pathOf({ page: "conversation", conversationId, ...(item.seq === undefined ? {} : { at: item.seq }) });
    copy(new URL(path, window.location.origin).href);
  };
  return (
    <Menu
      label={t("message.actions")}
      onOpenChange={setOpen}
      trigger={
        <IconButton small label={t("message.more")} active={open}>
          <Ellipsis />
        </IconButton>
      }
    >
      {allowed.copy ? (
        <MenuItem icon={<Copy />} onSelect={() => copy(item.body)}>
          {t("message.copyText")}
        </MenuItem>
      ) : null}
      <MenuItem icon={<Link2 />} onSelect={link}>
        {t("message.copyLink")}
      </MenuItem>
      {allowed.readers ? (
        <MenuItem icon={<Eye />} onSelect={() => actions.showReaders(item)}>
          {t("message.readers")}
        </MenuItem>
      ) : null}
      {allowed.versions ? (
        <MenuItem icon={<History />} onSelect={() => actions.showVersions(item)}>
          {t("message.versions")}
        </MenuItem>
      ) : null}
      {allowed.remove ? (
        <>
          <MenuSeparator />
          <MenuItem icon={<Trash2 />} danger onSelect={() => actions.remove(item)}>
            {t("message.delete")}
          </MenuItem>
        </>
      ) : null}
    </Menu>
  );
}
