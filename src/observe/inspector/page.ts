/**
 * The page that a person opens: Stately's inspector in a frame, and between it and the feed a few lines that pass messages on.
 *
 * It connects when the frame says that it is ready, so nothing is held in between, and again whenever the connection or the
 * frame was lost: the feed then tells everything anew. Messages go to Stately's origin only, within the browser; but the
 * frame's script comes from there, and sees all that is inspected.
 */
export const page = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Gleitzeit inspector</title>
<style>
html, body { height: 100%; margin: 0; font: 14px system-ui, sans-serif; }
body { display: flex; flex-direction: column; }
p { margin: 0; padding: 4px 8px; background: #eee; color: #222; }
iframe { flex: 1; border: 0; }
</style>
</head>
<body>
<p id="state">Waiting for the page of stately.ai.</p>
<script src="/bridge.js"></script>
</body>
</html>
`;

export const bridge = `'use strict';
const state = document.getElementById('state');
const frame = document.createElement('iframe');
let socket;
let again;

const connect = (origin) => {
  clearTimeout(again);
  if (socket) {
    socket.onclose = socket.onmessage = null;
    socket.close();
  }
  socket = new WebSocket('ws://' + location.host);
  socket.onopen = () => {
    state.hidden = true;
  };
  socket.onmessage = ({ data }) => frame.contentWindow.postMessage(JSON.parse(data), origin);
  socket.onclose = () => {
    state.hidden = false;
    state.textContent = 'The system is not there; trying again.';
    again = setTimeout(connect, 2000, origin);
  };
};

addEventListener('message', ({ data, origin, source }) => {
  const isStately = origin === 'https://stately.ai' || origin === 'https://www.stately.ai';
  if (isStately && source === frame.contentWindow && data && data.type === '@statelyai.connected') connect(origin);
});
frame.src = 'https://stately.ai/inspect';
document.body.append(frame);
`;

/** What the page may load and be loaded by. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'unsafe-inline'",
  'frame-src https://stately.ai https://www.stately.ai',
  'connect-src ws://127.0.0.1:* ws://localhost:*',
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');
