/**
 * How the server is, now and over the last minutes.
 * Asks every two seconds while it is in view, and not at all otherwise.
 */
import { ServerOff } from "lucide-react";
import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import type { AdminHealth, Client } from "../../sync/api";
import { useI18n } from "../../i18n/I18nProvider";
import { Banner, Progress } from "../../ui/Feedback";
import { Sparkline } from "../../ui/Sparkline";
import { useClient } from "../context/client";
import { errorText } from "../context/errors";
import styles from "./OverviewTab.module.css";
import { ratesOf, valuesOf, withSample } from "./samples";
import type { Sample } from "./samples";

const EVERY_MS = 2000;

/** A line begins at the left once there are so many. */
const SAMPLES_SHOWN_MIN = 30;

/** What was measured stays while the reader looks elsewhere in the app, so that the lines have a past. */
const kept = new WeakMap<Client, readonly Sample[]>();

const LATENCIES = ["acceptedP50Ms", "acceptedP99Ms", "storedP50Ms", "storedP99Ms", "deliveredP50Ms", "deliveredP99Ms"] as const;

const TOTALS = ["connections", "requests", "accepted", "rejected", "stored", "delivered", "slowDown", "dropped", "deadLetters"] as const;

export function OverviewTab() {
  const { t } = useI18n();
  const { samples, error } = useSamples();
  const health = samples.at(-1)?.health;
  return (
    <div className={styles.overview}>
      {error === undefined ? null : (
        <Banner tone="danger" icon={<ServerOff />}>
          {errorText(error, t)}
        </Banner>
      )}
      {health === undefined ? <Progress label={t("state.loading")} /> : <Health health={health} samples={samples} />}
    </div>
  );
}

function useSamples(): { samples: readonly Sample[]; error: unknown } {
  const client = useClient();
  const [state, setState] = useState<{ samples: readonly Sample[]; error: unknown }>(() => ({ samples: kept.get(client) ?? [], error: undefined }));
  const { samples } = state;
  useEffect(() => {
    kept.set(client, samples);
  }, [client, samples]);
  useEffect(() => {
    let current = true;
    const take = async () => {
      if (document.visibilityState !== "visible") return;
      try {
        const health = await client.admin.health();
        if (current) setState((before) => ({ samples: withSample(before.samples, { atMs: Date.now(), health }), error: undefined }));
      } catch (error) {
        if (current) setState((before) => ({ samples: before.samples, error }));
      }
    };
    void take();
    const timer = setInterval(() => void take(), EVERY_MS);
    return () => {
      current = false;
      clearInterval(timer);
    };
  }, [client]);
  return state;
}

function Health({ health, samples }: { health: AdminHealth; samples: readonly Sample[] }) {
  const { t, formats } = useI18n();
  const perSecond = (value: number) => t("admin.perSecond", { rate: formats.number(Math.round(value * 10) / 10) });
  const bytes = (count: number | undefined) => (count === undefined ? "–" : formats.bytes(count));
  const ms = (value: number) => t("admin.ms", { ms: formats.number(Math.round(value * 100) / 100) });
  const { messages, notifications } = health.queues;
  const dead = messages.deadLetters + notifications.deadLetters;
  return (
    <>
      {dead > 0 ? <Banner tone="warning">{t("admin.deadLettersWait", { count: dead })}</Banner> : null}
      <ul role="list" className={styles.charts}>
        <Chart name={t("admin.connections")} values={valuesOf(samples, (now) => now.connections)} format={formats.number} />
        <Chart name={t("admin.accepted")} values={ratesOf(samples, "accepted")} format={perSecond} />
        <Chart name={t("admin.delivered")} values={ratesOf(samples, "delivered")} format={perSecond} />
        <Chart name={t("admin.total.requests")} values={ratesOf(samples, "requests")} format={perSecond} />
        <Chart name={t("admin.queue")} values={valuesOf(samples, (now) => now.queues.messages.depth)} format={formats.number} />
        <Chart name={t("admin.queueNotifications")} values={valuesOf(samples, (now) => now.queues.notifications.depth)} format={formats.number} />
        <Chart name={t("admin.latency.acceptedP99Ms")} values={valuesOf(samples, (now) => now.latencies.acceptedP99Ms)} format={ms} />
        <Chart name={t("admin.latency.deliveredP99Ms")} values={valuesOf(samples, (now) => now.latencies.deliveredP99Ms)} format={ms} />
        <Chart name={t("admin.memory")} values={valuesOf(samples, (now) => now.memoryBytes)} format={formats.bytes} />
      </ul>
      <Facts title={t("admin.server")}>
        <Fact name={t("admin.version")} value={health.version} />
        <Fact name={t("admin.uptime")} value={formats.duration(health.uptimeMs)} />
        <Fact name={t("admin.journal")} value={bytes(health.journalBytes)} />
        <Fact name={t("admin.store")} value={bytes(health.storeBytes)} />
      </Facts>
      <Facts title={t("admin.latency")}>
        {LATENCIES.map((name) => (
          <Fact key={name} name={t(`admin.latency.${name}`)} value={health.latencies[name] === undefined ? "–" : ms(health.latencies[name])} />
        ))}
      </Facts>
      <Facts title={t("admin.total")}>
        {TOTALS.map((name) => (
          <Fact key={name} name={t(`admin.total.${name}`)} value={formats.number(health.totals[name])} />
        ))}
      </Facts>
    </>
  );
}

/** Without a value there is nothing to say about now. */
function Chart({ name, values, format }: { name: string; values: readonly number[]; format: (value: number) => string }) {
  const { t } = useI18n();
  const last = values.at(-1);
  const most = values.length === 0 ? 0 : Math.max(...values);
  return (
    <li className={styles.chart}>
      <p className={styles.name}>{name}</p>
      <p className={styles.value}>{last === undefined ? "–" : format(last)}</p>
      <Sparkline label={t("admin.chart", { name, last: last === undefined ? "–" : format(last), most: format(most) })} values={values} max={Math.max(SAMPLES_SHOWN_MIN, values.length)} />
    </li>
  );
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h2 className={styles.title}>{title}</h2>
      <dl className={styles.facts}>{children}</dl>
    </section>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}
