import type {DatabaseScan} from '../../core/site-description.js';
import type {ScanOptions} from '../site/ports.js';
import type {DatabaseFrame} from './database-frame.js';

/** The half of a driver that only reads: on connections of `access`, after a scan where nothing is known yet. */
export abstract class DatabaseReads<Access> {
  protected readonly access: Access;
  protected readonly frame: DatabaseFrame;

  constructor(access: Access, frame: DatabaseFrame) {
    this.access = access;
    this.frame = frame;
  }

  abstract scan(options: ScanOptions): Promise<DatabaseScan>;
}
