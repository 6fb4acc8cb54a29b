/**
 * What people do, as nodes: "Anna is editing the title. Ben and Clara are here." Names stand in <bdi>, whatever way they
 * are written.
 */
export function presenceWords({ people, more }) {
  const groups = Map.groupBy(people, doingOf);
  const sentences = [...groups].map(([does, some]) => [...names(some), ` ${some.length > 1 ? "are" : "is"} ${does}`]);
  if (more > 0) sentences.push([`${more} more ${more > 1 ? "are" : "is"} here`]);
  return sentences.flatMap((sentence, index) => (index ? [". ", ...sentence] : sentence));
}

function doingOf({ doing, field, idle }) {
  const away = idle ? ", but idle" : "";
  if (doing === "writing") return `writing a reply${away}`;
  if (doing === "editing") return `editing${field ? ` the ${field}` : ""}${away}`;
  return idle ? "idle" : "here";
}

export function names(people) {
  return people.flatMap(({ name }, index) => {
    const bdi = document.createElement("bdi");
    bdi.textContent = name;
    if (index === 0) return [bdi];
    return [index === people.length - 1 ? " and " : ", ", bdi];
  });
}
