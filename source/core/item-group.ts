/** Patterns that say which paths of a site belong to a group (E8). Same pattern language as FileFilter. */
export type ItemGroup = {
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** The group takes what no other group includes ("the rest of the site root"). */
  readonly rest?: boolean;
  /** The group includes the site's database. */
  readonly database?: boolean;
};

export type ItemGroups = Readonly<Record<string, ItemGroup>>;
