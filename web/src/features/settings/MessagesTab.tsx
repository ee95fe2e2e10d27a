/**
 * How messages are written.
 * The preference is the core's.
 */
import { useT } from "../../i18n/I18nProvider";
import { SwitchField } from "../../ui/Field";
import { useClient, useStore } from "../context/client";
import { useAction } from "../context/useAction";
import { Section } from "./Section";

export function MessagesTab() {
  const t = useT();
  const client = useClient();
  const { enterSends } = useStore(client.preferences.state);
  const action = useAction();
  return (
    <Section title={t("settings.messages")}>
      <SwitchField
        label={t("messages.enterSends")}
        hint={t("messages.enterSendsHint")}
        checked={enterSends}
        onCheckedChange={(next) => void action.run(() => client.preferences.update({ enterSends: next }))}
      />
    </Section>
  );
}
