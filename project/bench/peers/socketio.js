// socket.io behind Redis: node socketio.js PORT REDIS_URL
const { createServer } = require("http");
const { Server } = require("socket.io");
const { createClient } = require("redis");

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", (socket) => socket.emit("attached"));
http.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
const redis = createClient({ url: process.argv[3] });
redis.connect().then(() => redis.subscribe("bench", (text) => io.emit("patch", text)));
