/** A site somewhere, as operators write it: `SERVER/SITE`. */
export type SiteAddress = {server: string; site: string};
