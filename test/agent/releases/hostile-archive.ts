import {crc32} from 'node:zlib';

/** An entry of an archive that is written byte by byte, so that it can say what no honest program writes. */
export type RawEntry = {
  readonly name: string;
  readonly content?: string | Buffer;
  /** Mode of Unix with its type; a regular file when absent. */
  readonly mode?: number;
  /** Uncompressed size as it is claimed. */
  readonly claims?: number;
};

/** Writes a ZIP archive with stored entries. */
export function rawZip(...entries: readonly RawEntry[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const {name, content = name.endsWith('/') ? '' : 'x', mode, claims} of entries) {
    const bytes = Buffer.from(content);
    const nameBytes = Buffer.from(name);
    const size = claims ?? bytes.length;
    const attributes = ((mode ?? (name.endsWith('/') ? 0o040755 : 0o100644)) << 16) >>> 0;
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt16LE(0, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(size, 14);
    common.writeUInt32LE(size, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    local.push(Buffer.from('PK\x03\x04'), common, nameBytes, bytes);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(attributes, 6);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.from('PK\x01\x02\x14\x03'), common, tail, nameBytes);
    offset += 30 + nameBytes.length + bytes.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...local, directory, end]);
}

/** Archives that are refused although a manifest names just what they hold. */
export const hostile: Readonly<Record<string, readonly RawEntry[]>> = {
  'leads out of the folder': [{name: '../victim'}],
  'leads out further in': [{name: 'a/../../victim'}],
  'is absolute': [{name: '/tmp/victim'}],
  'has a backslash': [{name: '..\\victim'}],
  'has a drive letter': [{name: 'C:/victim'}],
  'has a NUL': [{name: 'victim\0.txt'}],
  'is a symbolic link': [{name: 'out', content: '..', mode: 0o120777}, {name: 'out/victim'}],
  'is a device': [{name: 'tty', mode: 0o020666}],
  'is setuid': [{name: 'su', mode: 0o104755}],
  'is there twice': [{name: 'a'}, {name: 'a', content: 'y'}],
  'has a twin in case': [{name: 'a'}, {name: 'A'}],
  'is a file where a folder has to be': [{name: 'a'}, {name: 'a/b'}],
  'claims more than the archive has': [{name: 'a', claims: 2 ** 31}],
};
