// Reads messages and answers pings, as a tutorial would: node node_ws.cjs PORT
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1" });
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.type === "ping") socket.send(JSON.stringify({ type: "pong" }));
  });
});
