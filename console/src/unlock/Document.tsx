/** A policy as it is written. */
import Box from "@cloudscape-design/components/box";

export function Document({ title, policy }: { title: string; policy: unknown }) {
  return (
    <div>
      <Box variant="awsui-key-label">{title}</Box>
      <pre className="policy" tabIndex={0} aria-label={title}>
        {policy === null ? "No policy: nothing of it would be left." : typeof policy === "string" ? policy : JSON.stringify(policy, null, 2)}
      </pre>
    </div>
  );
}
