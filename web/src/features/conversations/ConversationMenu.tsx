/**
 * What can be done with a conversation: pin, mute, how much to be told, its name, leave.
 * Hides what the reader's role does not permit.
 */
import { Bell, BellOff, EllipsisVertical, LogOut, Pencil, Pin, PinOff } from "lucide-react";
import { useState } from "react";
import type { Conversation, NotifyLevel } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { IconButton } from "../../ui/Button";
import { Confirm } from "../../ui/Dialog";
import { Menu, MenuChoice, MenuItem, MenuSeparator } from "../../ui/Menu";
import { useClient } from "../context/client";
import { useGo } from "../context/navigation";
import { useAction } from "../context/useAction";
import { mayDescribe } from "../members/permissions";
import { DescribeDialog } from "./DescribeDialog";

type Level = NotifyLevel | "default";

const LEVELS: readonly Level[] = ["default", "all", "mentions", "none"];

export function ConversationMenu({ conversation, title }: { conversation: Conversation; title: string }) {
  const t = useT();
  const client = useClient();
  const go = useGo();
  const action = useAction();
  const [dialog, setDialog] = useState<"describe" | "leave" | undefined>(undefined);
  const { conversationId, preferences, kind, role } = conversation;
  const set = (patch: Parameters<typeof client.conversations.setPreferences>[1]) =>
    void action.run(() => client.conversations.setPreferences(conversationId, patch));
  const leave = async () => {
    if (!(await action.run(() => client.conversations.leave(conversationId)))) return;
    setDialog(undefined);
    go({ page: "home" }, { replace: true });
  };
  return (
    <>
      <Menu
        label={t("conversation.menu")}
        trigger={
          <IconButton label={t("conversation.menu")}>
            <EllipsisVertical />
          </IconButton>
        }
      >
        <MenuItem icon={preferences.pinned ? <PinOff /> : <Pin />} onSelect={() => set({ pinned: !preferences.pinned })}>
          {t(preferences.pinned ? "conversation.unpin" : "conversation.pin")}
        </MenuItem>
        <MenuItem icon={preferences.muted ? <Bell /> : <BellOff />} onSelect={() => set({ muted: !preferences.muted })}>
          {t(preferences.muted ? "conversation.unmute" : "conversation.mute")}
        </MenuItem>
        <MenuSeparator />
        <MenuChoice
          label={t("notify.title")}
          value={preferences.notify ?? "default"}
          options={LEVELS.map((value) => ({ value, label: t(`notify.${value}`) }))}
          onValueChange={(value: Level) => set({ notify: value === "default" ? null : value })}
        />
        {kind === "direct" ? null : (
          <>
            <MenuSeparator />
            {mayDescribe(kind, role) ? (
              <MenuItem icon={<Pencil />} onSelect={() => setDialog("describe")}>
                {t("conversation.describe")}
              </MenuItem>
            ) : null}
            <MenuItem icon={<LogOut />} danger onSelect={() => setDialog("leave")}>
              {t("conversation.leave")}
            </MenuItem>
          </>
        )}
      </Menu>
      {dialog === "describe" ? <DescribeDialog conversation={conversation} onClose={() => setDialog(undefined)} /> : null}
      <Confirm
        open={dialog === "leave"}
        danger
        busy={action.busy}
        onClose={() => setDialog(undefined)}
        onConfirm={() => void leave()}
        title={t("conversation.leaveTitle", { title })}
        description={t(kind === "channel" ? "conversation.leaveChannel" : "conversation.leaveGroup")}
        confirmLabel={t("conversation.leave")}
        cancelLabel={t("action.cancel")}
      />
    </>
  );
}
