// The `ws` package behind Redis: node ws.js PORT REDIS_URL
const { WebSocketServer } = require("ws");
const { createClient } = require("redis");

const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
server.on("connection", (socket) => socket.send('{"type":"attached"}'));
const redis = createClient({ url: process.argv[3] });
redis.connect().then(() =>
  redis.subscribe("bench", (text) => {
    for (const socket of server.clients) socket.send(text);
  }),
);
