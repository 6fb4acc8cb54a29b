// An unmodified @supabase/realtime-js client: joins one channel, says on stdout what it hears (JSON lines), obeys stdin.
import { RealtimeClient } from "@supabase/realtime-js";
import { createInterface } from "node:readline";
import WebSocket from "ws";

const { url, key, vsn, bindings } = JSON.parse(process.argv[2]);
const say = (kind, value) => console.log(JSON.stringify({ kind, value }));

const options = { params: { apikey: key }, transport: WebSocket };
const client = new RealtimeClient(url, vsn ? { ...options, vsn } : options);
const channel = client.channel("js");
for (const binding of bindings) {
  channel.on("postgres_changes", binding, (payload) => say("event", payload));
}
channel.on("system", {}, (payload) => say("system", payload));
channel.subscribe((state, error) => say("state", error ? `${state}: ${error.message}` : state));

createInterface({ input: process.stdin }).on("line", async (line) => {
  const [command, argument] = line.split(" ");
  if (command === "set-auth") {
    await client.setAuth(argument);
  } else if (command === "leave") {
    say("left", await channel.unsubscribe());
  } else if (command === "quit") {
    await client.disconnect();
    process.exit(0);
  }
});
