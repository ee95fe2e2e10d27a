/**
 * What to be told of, and how: levels, quiet times, sound, the browser's permission.
 * Levels of single conversations are set at the conversations.
 */
import { Volume2 } from "lucide-react";
import { useI18n } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Banner } from "../../ui/Feedback";
import { SelectField, SwitchField } from "../../ui/Field";
import { useClient, useStore } from "../context/client";
import { useNow } from "../context/time";
import { useAction } from "../context/useAction";
import { askPermission, usePermission } from "../notifications/permission";
import { playSound } from "../notifications/sound";
import { Row, Section } from "./Section";

const LEVELS = ["all", "mentions", "none"] as const;
const HOUR_MS = 3_600_000;
const QUIET_HOURS = [1, 4, 8, 24] as const;

export function NotificationsTab() {
  const { t } = useI18n();
  const client = useClient();
  const preferences = useStore(client.preferences.state);
  const action = useAction();
  return (
    <>
      <Section title={t("notify.title")} text={t("notify.text")}>
        <SelectField
          label={t("notify.level")}
          value={preferences.notify}
          options={LEVELS.map((value) => ({ value, label: t(`notify.${value}`) }))}
          onValueChange={(notify) => void action.run(() => client.preferences.update({ notify }))}
        />
        <Row>
          <SwitchField
            label={t("notify.sound")}
            checked={preferences.sound}
            onCheckedChange={(sound) => void action.run(() => client.preferences.update({ sound }))}
          />
          <Button small icon={<Volume2 />} onClick={playSound}>
            {t("notify.testSound")}
          </Button>
        </Row>
      </Section>
      <QuietSection />
      <BrowserSection />
    </>
  );
}

function QuietSection() {
  const { t, formats } = useI18n();
  const client = useClient();
  const { doNotDisturbUntil } = useStore(client.preferences.state);
  const now = useNow();
  const action = useAction();
  const quiet = doNotDisturbUntil !== undefined && Date.parse(doNotDisturbUntil) > now;
  const set = (until: string | null) => void action.run(() => client.preferences.update({ doNotDisturbUntil: until }));
  return (
    <Section title={t("quiet.title")} text={quiet ? t("quiet.until", { when: `${formats.day(doNotDisturbUntil, now)}, ${formats.time(doNotDisturbUntil)}` }) : t("quiet.text")}>
      <Row>
        {QUIET_HOURS.map((hours) => (
          <Button key={hours} small onClick={() => set(new Date(client.now() + hours * HOUR_MS).toISOString())}>
            {t("quiet.hours", { count: hours })}
          </Button>
        ))}
        {quiet ? (
          <Button small tone="accent" onClick={() => set(null)}>
            {t("quiet.end")}
          </Button>
        ) : null}
      </Row>
    </Section>
  );
}

function BrowserSection() {
  const { t } = useI18n();
  const permission = usePermission();
  return (
    <Section title={t("notification.browser")}>
      {permission === "default" ? (
        <Row>
          <Button tone="accent" onClick={() => void askPermission()}>
            {t("notification.enable")}
          </Button>
        </Row>
      ) : (
        <Banner tone={permission === "granted" ? "success" : "warning"}>{t(`notification.${permission}`)}</Banner>
      )}
    </Section>
  );
}
