'use strict';
// As much of Express as the documents' examples use: `app.post`, `express.raw`, `res.status().send()` and
// `.json()`. Where an example has no parser of its own, `express.json()` is in use for the whole
// application, which is what `req.body` of these examples stands on.

const isJson = (req, type) => (req.headers['content-type'] ?? '').split(';')[0].trim() === type;

function express() {
  const routes = new Map();
  return {
    post(path, ...handlers) {
      const handler = handlers.pop();
      const [parse = express.json()] = handlers;
      routes.set(path, { parse, handler });
    },

    // What the route for a request answers; an error is answered with 500, as Express does.
    async handle(req, raw) {
      const route = req.method === 'POST' ? routes.get(req.url) : undefined;
      const res = new Response();
      if (route === undefined) return res.status(404).send('Not found');
      try {
        req.body = route.parse(req, raw);
        await route.handler(req, res);
      } catch (error) {
        res.status(500).send(String(error));
      }
      return res;
    }
  };
}

// `{}` is what Express gives for a body that is of another type.
express.json = () => (req, raw) =>
  isJson(req, 'application/json') ? JSON.parse(raw.toString('utf8')) : {};
express.raw = ({ type }) => (req, raw) => (isJson(req, type) ? raw : {});

class Response {
  constructor() {
    this.body = '';
    this.type = 'text/plain';
    this.code = 200;
  }

  // Sets the status.
  status(code) {
    this.code = code;
    return this;
  }

  send(body) {
    this.body = body;
    this.type = 'text/html; charset=utf-8';
    return this;
  }

  json(body) {
    this.body = JSON.stringify(body);
    this.type = 'application/json; charset=utf-8';
    return this;
  }
}

module.exports = express;
