import { describe, expect, it } from 'vitest';

import { SecretNames } from '../../../src/secrets/names.ts';

describe('a secret name', () => {
  const names = new SecretNames();

  it.each([
    'password',
    'Password',
    'PASSWORD',
    'DB_PASSWORD',
    'userPassword',
    'user-password',
    'passwd',
    'passphrase',
    'secret',
    'clientSecret',
    'client_secret',
    'webhook-secret',
    'secrets',
    'credentials',
    'apiKey',
    'api_key',
    'apikey',
    'API-Key',
    'x-api-key',
    'X-Api-Key',
    'OPENAI_API_KEY',
    'openAIApiKey',
    'AWS_SECRET_ACCESS_KEY',
    'secretAccessKey',
    'privateKey',
    'authorization',
    'Authorization',
    'proxy-authorization',
    'proxyAuthorization',
    'cookie',
    'set-cookie',
    'setCookie',
    'cookies',
    'accessToken',
    'access_token',
    'refresh_token',
    'id_token',
    'idToken',
    'sessionToken',
    'authToken',
    'x-auth-token',
    'GITHUB_TOKEN',
    'SLACK_BOT_TOKEN',
  ])('is %s', (name) => {
    expect(names.has(name)).toBe(true);
  });

  it.each([
    'token',
    'tokens',
    'max_tokens',
    'maxTokens',
    'nextPageToken',
    'key',
    'keys',
    'primaryKey',
    'primary_key',
    'author',
    'authors',
    'authorizations_count',
    'passwordless',
    'passwordHint',
    'secretary',
    'cookieBanner',
    'apiKeyId',
    'TOKENS',
    'username',
    '',
    '0',
    '__proto__',
    'constructor',
    'x'.repeat(100_000),
  ])('is not %s', (name) => {
    expect(names.has(name)).toBe(false);
  });

  it('is one that a user adds, by its words', () => {
    const own = new SecretNames(['token', 'socialSecurityNumber', 'Geheim-Wort']);
    for (const name of ['token', 'npmToken', 'social_security_number', 'geheimWort', 'password']) expect(own.has(name)).toBe(true);
    for (const name of ['tokens', 'security', 'geheim']) expect(own.has(name)).toBe(false);
  });

  it('says the same however often and however many are asked for', () => {
    const many = new SecretNames();
    for (let at = 0; at < 25_000; at++) expect(many.has(`field${at}`)).toBe(false);
    expect(many.has('password')).toBe(true);
    expect(many.has('password')).toBe(true);
  });
});
