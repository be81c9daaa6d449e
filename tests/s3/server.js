// server.js DIRECTORY - an S3 server for the tests, on a port of 127.0.0.1 that it prints: s3rver of npm,
// which keeps the objects, and in front of it what s3rver lacks: the signature of each request is checked
// (AWS Signature Version 4), so is the SHA-256 of each body, and If-None-Match of a PUT holds. And faults:
// POST /_fault with {"match": "PUT .*segment", "kind": …, "times": 2}, where kind is
//   before    the connection ends before anything is done        after    … after it is done
//   500       an answer 500 instead of it                        503      likewise, SlowDown
//   cut       the answer ends in the middle of its body          hang     no answer, ever
//   spoil     one byte of the answer's body is another one
'use strict';
const crypto = require('crypto');
const http = require('http');
const S3rver = require('s3rver');

const KEY = 'S3RVER', SECRET = 'S3RVER';
const faults = [];
let backend, requests = 0;

const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const sha256 = bytes => crypto.createHash('sha256').update(bytes).digest('hex');

// Why the request is not to be believed; undefined: it is.
function distrust(req, body) {
  const m = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, *SignedHeaders=([^,]+), *Signature=([0-9a-f]{64})$/
    .exec(req.headers.authorization || '');
  if (!m) return 'AccessDenied';
  const [, key, day, region, signed, signature] = m;
  const date = req.headers['x-amz-date'] || '';
  if (key !== KEY) return 'InvalidAccessKeyId';
  if (!date.startsWith(day)) return 'AuthorizationHeaderMalformed';
  const names = signed.split(';');
  for (const name of Object.keys(req.headers))
    if (name.startsWith('x-amz-') && !names.includes(name)) return 'AccessDenied';
  if (!names.includes('host')) return 'AccessDenied';
  const [path, query] = req.url.split('?');
  const canonical = [req.method, path, (query || '').split('&').sort().join('&'),
    ...names.map(n => n + ':' + (req.headers[n] || '').trim()), '', signed,
    req.headers['x-amz-content-sha256']].join('\n');
  const scope = [day, region, 's3', 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', date, scope.join('/'), sha256(canonical)].join('\n');
  const signing = scope.reduce(hmac, 'AWS4' + SECRET);
  if (hmac(signing, text).toString('hex') !== signature) return 'SignatureDoesNotMatch';
  if (req.headers['x-amz-content-sha256'] !== sha256(body)) return 'XAmzContentSHA256Mismatch';
}

function fail(res, status, code) {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>of the test's server</Message></Error>`;
  res.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

function takeFault(what) {
  const i = faults.findIndex(f => new RegExp(f.match).test(what));
  if (i < 0) return undefined;
  const fault = faults[i];
  if (--fault.times <= 0) faults.splice(i, 1);
  return fault.kind;
}

function ask(req, body, method = req.method) {
  return new Promise((resolve, reject) => {
    const headers = { ...req.headers };
    delete headers.authorization; // checked here; s3rver knows only part of it
    delete headers['if-none-match'];
    delete headers.expect;
    if (method !== 'PUT') delete headers['content-length'];
    const forward = http.request({ host: '127.0.0.1', port: backend, method, path: req.url, headers }, answer => {
      const parts = [];
      answer.on('data', part => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
    });
    forward.on('error', reject);
    forward.end(method === 'HEAD' ? undefined : body);
  });
}

let turn = Promise.resolve(); // one at a time, so that a conditional put is one

async function serve(req, res, body) {
  if (req.url === '/_fault') { faults.push(JSON.parse(body)); return res.end('ok\n'); }
  if (req.url === '/_requests') return res.end(requests + '\n');
  requests++;
  const kind = takeFault(req.method + ' ' + req.url);
  if (kind === 'before') return req.socket.destroy();
  if (kind === 'hang') return undefined;
  if (kind === '500' || kind === '503') return fail(res, Number(kind), kind === '500' ? 'InternalError' : 'SlowDown');
  const why = distrust(req, body);
  if (why) return fail(res, 403, why);
  if (req.method === 'PUT' && req.headers['if-none-match'] === '*') {
    const there = await ask(req, undefined, 'HEAD');
    if (there.status === 200) return kind === 'after' ? req.socket.destroy() : fail(res, 412, 'PreconditionFailed');
  }
  const answer = await ask(req, body);
  if (kind === 'after') return req.socket.destroy();
  if (kind === 'spoil' && answer.body.length) answer.body[answer.body.length - 1] ^= 1;
  delete answer.headers['transfer-encoding'];
  if (req.method !== 'HEAD') answer.headers['content-length'] = answer.body.length;
  res.writeHead(answer.status, answer.headers);
  if (kind === 'cut') {
    res.write(answer.body.subarray(0, answer.body.length / 2), () => req.socket.destroy());
    return undefined;
  }
  return res.end(req.method === 'HEAD' ? undefined : answer.body);
}

async function main() {
  const s3 = new S3rver({ address: '127.0.0.1', port: 0, silent: true, directory: process.argv[2],
    configureBuckets: [{ name: 'bucket' }] });
  backend = (await s3.run()).port;
  const front = http.createServer((req, res) => {
    const parts = [];
    req.on('error', () => {});
    req.on('data', part => parts.push(part));
    req.on('end', () => {
      turn = turn.then(() => serve(req, res, Buffer.concat(parts))).catch(e => fail(res, 500, String(e.message)));
    });
  });
  front.listen(0, '127.0.0.1', () => process.stdout.write(front.address().port + '\n'));
  process.stdin.resume(); // it ends with whoever started it
  process.stdin.on('end', () => process.exit(0));
}

main();
