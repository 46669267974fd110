// Sends three spans with the OpenTelemetry JS SDK: node send.mjs proto|http ENDPOINT
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const [encoding, url] = process.argv.slice(2);
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${encoding}`);
const provider = new NodeTracerProvider({
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, compression: 'gzip' }))],
});
const tracer = provider.getTracer('intake-test', '1.0');
for (const number of [1, 2, 3]) {
  const span = tracer.startSpan(`js ${encoding}`, { kind: 2, attributes: { number, list: ['a', 'b'], ratio: 0.5, yes: true } });
  span.addEvent('seen', { number });
  span.end();
}
await provider.shutdown();
