/**
 * Says when the server cannot be reached, that what is written waits safely, and when the next try is.
 * Stays away for short breaks: most are over before they could be read.
 */
import { CloudOff, RefreshCw } from "lucide-react";
import { useEffect, useState } from "react";
import type { ConnectionState } from "../../sync/api";
import { useT } from "../../i18n/I18nProvider";
import { Button } from "../../ui/Button";
import { Banner } from "../../ui/Feedback";
import { useClient, useStore } from "../context/client";

const PATIENCE_MS = 1500;

export function ConnectionBanner() {
  const client = useClient();
  const state = useStore(client.connection);
  const shown = useAfter(state.downSinceMs, PATIENCE_MS);
  if (state.status === "outdated") return <Outdated />;
  if (!shown || state.downSinceMs === undefined) return null;
  return <Down state={state} onRetry={client.reconnectNow} />;
}

function Down({ state, onRetry }: { state: ConnectionState; onRetry: () => void }) {
  const t = useT();
  const waiting = state.status === "waiting";
  return (
    <Banner
      tone="warning"
      icon={<CloudOff />}
      live
      edge
      action={
        <Button small busy={!waiting} onClick={onRetry}>
          {t("connection.retry")}
        </Button>
      }
    >
      {t(waiting ? "connection.down" : "connection.connecting")}{" "}
      {state.pending > 0 ? t("connection.pending", { count: state.pending }) : t("connection.safe")}
    </Banner>
  );
}

function Outdated() {
  const t = useT();
  return (
    <Banner
      tone="info"
      icon={<RefreshCw />}
      live
      edge
      action={
        <Button small tone="accent" onClick={() => window.location.reload()}>
          {t("connection.reload")}
        </Button>
      }
    >
      {t("connection.outdated")}
    </Banner>
  );
}

/** Whether this moment is longer ago than the patience. */
function useAfter(sinceMs: number | undefined, patienceMs: number): boolean {
  const [passed, setPassed] = useState<number | undefined>(undefined);
  useEffect(() => {
    if (sinceMs === undefined) return;
    const timer = setTimeout(() => setPassed(sinceMs), Math.max(0, sinceMs + patienceMs - Date.now()));
    return () => clearTimeout(timer);
  }, [sinceMs, patienceMs]);
  return sinceMs !== undefined && passed === sinceMs;
}
