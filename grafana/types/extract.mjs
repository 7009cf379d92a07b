// Writes what Grafana allows in a dashboard as JSON: the types of @grafana/schema as a JSON schema, and the ids of units,
// reducers and transformations of @grafana/data. docs/screens.md says how to run it.
//
//   node extract.mjs FOLDER-OF-@grafana/data > ../../agents/screens/static/grafana.json

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const PANELS = ['stat', 'table', 'timeseries', 'bargauge'];
const WITHOUT_CUSTOM = ['stat', 'bargauge'];
const DEEPEST = 14;

const schemaRoot = dirname(createRequire(import.meta.url).resolve('@grafana/schema/package.json'));
const dataRoot = process.argv[2];
const types = join(schemaRoot, 'dist/types');
const version = (root) => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

const imports = PANELS.map((name) => `import * as ${name} from '${types}/raw/composable/${name}/panelcfg/x/types.gen';`);
const wanted = PANELS.map(
  (name) => `${name}: { options: ${name}.Options; custom: ${WITHOUT_CUSTOM.includes(name) ? '{}' : `${name}.FieldConfig`} };`
);
const source = [
  `import * as g from '@grafana/schema';`, ...imports,
  `export interface Wanted { dashboard: g.Dashboard; panel: g.Panel; variable: g.VariableModel; field: g.FieldConfig;`,
  `  mapping: g.ValueMapping; link: g.DashboardLink; annotation: g.AnnotationQuery; ${wanted.join(' ')} }`,
].join('\n');

const host = ts.createCompilerHost({});
const entry = join(dirname(schemaRoot), '..', '..', 'wanted.ts');
const read = host.getSourceFile;
host.getSourceFile = (name, target) => (name === entry ? ts.createSourceFile(name, source, target) : read.call(host, name, target));
const program = ts.createProgram([entry], { strict: true, moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext, noLib: false }, host);
const checker = program.getTypeChecker();
const faults = ts.getPreEmitDiagnostics(program).filter((fault) => fault.file?.fileName === entry);
if (faults.length) throw new Error(faults.map((fault) => ts.flattenDiagnosticMessageText(fault.messageText, '\n')).join('\n'));

function schemaOf(type, depth, above) {
  if (depth > DEEPEST || above.includes(type)) return {};
  if (type.isUnion()) return unionOf(type, depth, above);
  if (type.flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.NumberLiteral)) return { enum: [type.value] };
  if (type.flags & ts.TypeFlags.BooleanLiteral) return { enum: [checker.typeToString(type) === 'true'] };
  if (type.flags & ts.TypeFlags.StringLike) return { type: 'string' };
  if (type.flags & ts.TypeFlags.NumberLike) return { type: 'number' };
  if (type.flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' };
  if (type.flags & ts.TypeFlags.Null) return { type: 'null' };
  if (checker.isArrayType(type)) return { type: 'array', items: schemaOf(checker.getTypeArguments(type)[0], depth + 1, above) };
  return type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection) ? objectOf(type, depth, [...above, type]) : {};
}

function unionOf(type, depth, above) {
  const parts = type.types.filter((part) => !(part.flags & ts.TypeFlags.Undefined));
  if (parts.every((part) => part.flags & ts.TypeFlags.BooleanLiteral) && parts.length === 2) return { type: 'boolean' };
  const found = parts.map((part) => schemaOf(part, depth, above));
  const words = found.filter((one) => one.enum).flatMap((one) => one.enum);
  const rest = found.filter((one) => !one.enum);
  const all = words.length ? [...rest, { enum: words.sort() }] : rest;
  return all.length === 1 ? all[0] : { anyOf: all };
}

function objectOf(type, depth, above) {
  const index = checker.getIndexInfoOfType(type, ts.IndexKind.String);
  const properties = {};
  const required = [];
  for (const one of checker.getPropertiesOfType(type)) {
    properties[one.name] = schemaOf(checker.getTypeOfSymbol(one), depth + 1, above);
    if (!(one.flags & ts.SymbolFlags.Optional)) required.push(one.name);
  }
  const result = { type: 'object', properties, required: required.sort() };
  result.additional = index ? schemaOf(index.type, depth + 1, above) : Object.keys(properties).length === 0;
  return result;
}

function ids(file, pattern) {
  return [...new Set([...readFileSync(join(dataRoot, file), 'utf8').matchAll(pattern)].map((found) => found[1]))].sort();
}

const node = program.getSourceFile(entry).statements.find((one) => ts.isInterfaceDeclaration(one));
const symbol = checker.getSymbolAtLocation(node.name);
const schemas = Object.fromEntries(
  checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)).map((one) => [one.name, schemaOf(checker.getTypeOfSymbol(one), 0, [])])
);
for (const apart of ['panels', 'templating', 'annotations']) schemas.dashboard.properties[apart] = {}; // checked one by one
const result = {
  source: { '@grafana/schema': version(schemaRoot), '@grafana/data': version(dataRoot) },
  units: ids('dist/esm/valueFormats/categories.mjs', /\bid: "([^"]+)"/g),
  reducers: ids('dist/types/transformations/fieldReducer.d.ts', /^ {4}\w+ = "([^"]+)"/gm),
  transformations: ids('dist/types/transformations/transformers/ids.d.ts', /^ {4}\w+ = "([^"]+)"/gm),
};
const lines = Object.entries(result).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
const kinds = Object.entries(schemas).map(([name, value]) => `  "${name}": ${JSON.stringify(value)}`);
process.stdout.write(`{\n${lines.join(',\n')},\n"schemas": {\n${kinds.join(',\n')}\n}\n}\n`);
