// Functions for wasmill.
import { plugin, scalar, utf8 } from 'wasmill-sdk';

const greet = scalar(
  { name: 'greet', description: 'Says hello.', arguments: { name: utf8 }, returns: utf8 },
  (name) => `Hello, ${name}!`,
);

export default plugin(greet);
