// Sends a known set of events with PostHog's own Node SDK; tests/test_real_sdks.py reads them back.
const { PostHog } = require('posthog-node')

const client = new PostHog(process.env.POSTHOG_PROJECT_TOKEN, {
  host: process.env.POSTHOG_HOST,
  flushAt: 500,
  flushInterval: 50,
})

async function main() {
  // An anonymous visitor, then the alias that makes the visitor known.
  client.capture({ distinctId: 'node-anon', event: 'visited', properties: { path: '/pricing' } })
  client.identify({ distinctId: 'node-user', properties: { $set: { email: 'node@example.com', seats: 12 } } })
  client.alias({ distinctId: 'node-user', alias: 'node-anon' })
  client.groupIdentify({ groupType: 'company', groupKey: 'acme', properties: { name: 'Acme', employees: 40 } })
  // Capture v1 keeps persons out of the events of such an id, v0 does not.
  client.capture({ distinctId: 'system', event: 'lonely' })
  await client.flush()

  for (let n = 0; n < 5000; n++) {
    client.capture({
      distinctId: `bulk-${n % 50}`,
      event: 'bulk',
      properties: { n, price: n / 4, even: n % 2 === 0, at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString() },
      groups: { company: 'acme' },
      timestamp: new Date(Date.UTC(2026, 2, 1, 0, 0, n)),
    })
    if (n % 1000 === 999) await client.flush()
  }
  await client.shutdown()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
